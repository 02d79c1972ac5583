"""A system with its potential as files of GROMACS."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from cuds.codecs.translation import Carried, group, others, turned, whole
from cuds.codecs.whole import replacing_all
from cuds.model.dataset import DataSet
from cuds.model.particles import ParticleSystem
from cuds.model.potential import PotentialTerm
from cuds.model.tensor import triangular
from cuds.model.topology import Topology
from cuds.semantics.bonded import wording
from cuds.semantics.dictionary import engine_words
from cuds_gromacs.blocks import blocks
from cuds_gromacs.codecs.structure import write_gro
from cuds_gromacs.names import shortened
from cuds_gromacs.parameters import parameters, settings_file
from cuds_gromacs.written import ROLES, structure, topology_file

_DECIMALS = 12
_CHARGES = ("coulombtype", "coulomb-modifier", "rcoulomb", "ewald-rtol")
_OTHERS = ("vdwtype", "vdw-modifier", "rvdw", "rvdw-switch")


def write_files(data: DataSet, conf: Path, top: Path, mdp: Path) -> list[Carried]:
    """Write a structure, a topology and run parameters of a single point; all three are whole, or none is there.

    Raises
    ------
    UnsupportedError
        For what GROMACS cannot express, by name; then nothing is written.
    """
    system, potential = whole(data, "GROMACS")
    words = engine_words("gromacs")
    settings = parameters(system, potential)
    assert system.cell is not None  # refused before
    rotation, cell = triangular(system.cell.in_unit("nm"))
    speeds = None if system.velocities is None else system.velocities.in_unit("nm/ps") @ rotation.T
    with replacing_all(conf, top, mdp) as (a, b, c):
        write_gro(a, structure(system, system.positions.in_unit("nm") @ rotation.T, speeds, cell), _DECIMALS)
        b.write_text(topology_file(system, potential, words), encoding="utf-8")
        c.write_text(settings_file(settings), encoding="utf-8")
    return [
        *_of_particles(system),
        *turned(rotation),
        *_of_topology(system),
        *(Carried(f"{t.form}, {t.truncation}", "carried", _settings(t, settings)) for t in potential.terms),
        *others(data, system, ("velocities", "naming")),
    ]


def _settings(term: PotentialTerm, settings: Mapping[str, str]) -> str:
    names = _CHARGES if term.form == "Coulomb" else _OTHERS
    return ", ".join(f"{name} = {settings[name]}" for name in names if name in settings)


def _of_particles(system: ParticleSystem) -> Iterator[Carried]:
    kinds, counts = blocks(system)
    molecules = sum(count for _, count in counts)
    yield Carried(
        f"{len(system)} particles of {len(system.kinds)} types",
        "carried",
        f"{molecules} molecules of {len(kinds)} kinds",
    )
    if system.velocities is not None:
        yield Carried(f"{len(system)} velocities", "carried", "beside the positions")
    if names := shortened(system):
        yield Carried(f"{len(names)} names", "converted", f"to at most five characters: {', '.join(names[:6])}")


def _of_topology(system: ParticleSystem) -> Iterator[Carried]:
    topology, words = system.topology or Topology(), engine_words("gromacs")
    for given in topology.groups:
        if given.role == "pair":
            yield Carried(f"{len(given)} pairs, {given.form}", "carried", "[ pairs ] 2")
        else:
            said = wording(given, words, ROLES[given.role])
            yield group(given, said, f"[ {said.row.section} ] {said.row.keyword}")
    for maps in topology.maps:
        yield Carried(f"{len(maps)} torsion maps of {len(maps.energies.value)} kinds", "carried", "[ cmap ]")
    for sites in topology.sites:
        yield Carried(f"{len(sites)} virtual sites, {sites.construction}", "carried", "[ virtual_sites ]")
    if len(topology.exclusions):
        yield Carried(f"{len(topology.exclusions)} exclusions", "carried", "[ exclusions ], each listed")
    if len(topology.constrained):
        yield Carried(f"{len(topology.constrained)} rigid distances", "carried", "[ constraints ] 2")
