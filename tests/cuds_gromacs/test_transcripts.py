"""What a transcript says is what is sent: plain GROMACS makes the same bits of it."""

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cuds
from cuds_gromacs.results import Trajectory, read_energies
from tests.cuds_gromacs.liquids import water


def ran(folder: Path, transcript: str) -> None:
    """Run the commands of a transcript in bare GROMACS, and move what was there out of the way."""
    for old in [*folder.glob("single_point.*"), *folder.glob("minimum.*")]:
        if old.suffix != ".mdp":
            old.unlink()
    told, anywhere = transcript.split("\n; ---", maxsplit=1)[0], {**os.environ, "OMP_NUM_THREADS": "3"}
    subprocess.run(["bash", "-ec", told], cwd=folder, check=True, capture_output=True, env=anywhere)


@pytest.mark.parametrize("options", [{}, {"threads": 2, "precision": "mixed"}], ids=["double", "mixed"])
def test_plain_gromacs_on_the_transcript_of_a_single_point(options: dict[str, Any], tmp_path: Path) -> None:
    system, potential = water(rigid=True)
    kept = tmp_path / "kept"
    result = cuds.run(cuds.SinglePoint(system, potential=potential), engine="gromacs", options=options, keep=kept)
    energies, forces = read_energies(kept / "single_point.edr"), Trajectory(kept / "single_point.trr")[0].forces
    run = result[cuds.PotentialEnergy].provenance
    assert run is not None
    ran(kept, run.transcript)
    again = read_energies(kept / "single_point.edr")
    assert {n: again[n].tolist() for n in again.names} == {n: energies[n].tolist() for n in energies.names}
    assert np.array_equal(np.asarray(Trajectory(kept / "single_point.trr")[0].forces), np.asarray(forces))
    text = run.transcript
    assert f"; --- single_point.mdp ---\n{(kept / 'single_point.mdp').read_text()}" in text
    assert f"; --- topol.top ---\n{(kept / 'topol.top').read_text()}" in text


def test_plain_gromacs_on_the_transcript_of_a_minimisation(tmp_path: Path) -> None:
    """Before anything was moved; its first round comes to the same place."""
    system, potential = water(rigid=False, cutoff=0.6)
    kept = tmp_path / "kept"
    job = cuds.EnergyMinimisation(system, potential=potential, force_tolerance=(50, "kJ/mol/nm"))
    result = cuds.run(job, engine="gromacs", keep=kept)
    ours = Trajectory(kept / "minimum.trr")[-1]
    start = cuds.SinglePoint(system, potential=potential)
    cuds.run(start, engine="gromacs", keep=tmp_path / "start")
    (tmp_path / "start" / "positions.trr").replace(kept / "positions.trr")  # else there are those that were reached
    run = result[cuds.PotentialEnergy].provenance
    assert run is not None
    ran(kept, run.transcript)
    assert np.array_equal(np.asarray(Trajectory(kept / "minimum.trr")[-1].positions), np.asarray(ours.positions))
