"""From atoms to a loaded part and back.

A plate with a hole, cut from a single crystal of copper, is pulled. Its elastic tensor comes from atoms; the
strain where it is loaded most goes back to the atoms, whose stress is compared with the continuum's.

    python examples/01_copper_plate.py [--engine lammps|ase] [--folder results]
"""

import argparse
from pathlib import Path

import ase.build
from plate_mesh import write_plate

import cuds

DIRECTIONS = ("[110]", "[001]")  # of the crystal, along the plate and across it


def main(
    engine: str = "lammps", folder: str | Path = "results", progress: cuds.ProgressCallback = cuds.silent
) -> cuds.DataSet:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    # up: the elastic tensor of copper, from atoms
    cu = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True) * 2)
    eam = cuds.potential("Cu_mishin1.eam.alloy")
    tensor = cuds.derive(cuds.ElasticTensor, cu, potential=eam, engine=engine, progress=progress)
    print(tensor)

    # the part: a single crystal in a chosen orientation, in tension
    plate = cuds.read(write_plate(folder / "plate.msh"), length="mm")
    turned = cuds.orientation(*DIRECTIONS)

    def pulled(stress: cuds.Quantity) -> cuds.DataSet:
        conditions = [cuds.Fixed("left"), cuds.Traction("right", x=stress)]
        return cuds.run(
            cuds.LinearElasticity(plate, material=tensor, orientation=turned, conditions=conditions),
            engine="skfem",
            progress=progress,
        )

    # down: the same strain on atoms, at two loads
    trial = cuds.Quantity(10.0, "MPa")
    at_trial = abs(hot_spot(pulled(trial))[cuds.Strain].largest)
    rows, kept = [], []
    for peak in (0.001, 0.01):
        load = trial * (peak / at_trial)
        part = pulled(load)
        spot = hot_spot(part)
        atoms = cuds.derive_all(
            cuds.Stress,
            cu,
            potential=eam,
            strain=spot[cuds.Strain],
            orientation=turned,
            engine=engine,
            progress=progress,
        )
        rows += compare(peak, load, spot[cuds.Stress], atoms[cuds.Stress])
        kept.append(part + spot + atoms)
    print(cuds.table(rows, columns=("at", "quantity", "continuum", "atoms", "unit", "difference")))
    print("The difference at 0.1 % is a check of cuds against itself; at 1 % it is what linear elasticity leaves out.")

    # left behind
    result = cuds.DataSet(cu, eam, tensor, *kept[0], label="copper plate")
    result.save(folder / "plate.h5md")
    for name in ("plate.ttl", "plate.jsonld", "plate.vtu"):
        cuds.write(result, folder / name)
    return result


def hot_spot(part: cuds.DataSet) -> cuds.DataSet:
    """Return strain and stress where the part is loaded most."""
    strain, stress, loading = (part.field(name) for name in ("strain", "stress", "von_mises"))
    return cuds.derive_all(cuds.Strain, strain_field=strain, stress_field=stress, loading=loading)


def compare(peak: float, load: cuds.Quantity, continuum: cuds.Stress, atoms: cuds.Stress) -> list[tuple[object, ...]]:
    """Return rows of a table: both stresses, component by component, and their difference."""
    largest = abs(continuum.value.in_unit("GPa")).max()
    at = f"{peak:.1%} strain, {load.in_unit('MPa'):.1f} MPa"
    names = ("xx", "yy", "zz", "yz", "xz", "xy")
    pairs = zip(names, continuum.value.in_unit("GPa"), atoms.value.in_unit("GPa"), strict=True)
    return [(at, f"stress {n}", f"{c:z.4f}", f"{a:z.4f}", "GPa", f"{(a - c) / largest:z.2%}") for n, c, a in pairs]


def visualize(result: cuds.DataSet, folder: str | Path = "results") -> Path:
    """Draw the stress on the deformed plate, and the strained atoms beside it."""
    return cuds.plot(result, field="von_mises", path=Path(folder) / "plate.png", atoms=result["Cu32 strained"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="lammps", help="which engine calculates the atoms: lammps or ase")
    parser.add_argument("--folder", default="results", help="where everything is left")
    given = parser.parse_args()
    with cuds.progress_bar() as bar:
        found = main(given.engine, given.folder, bar)
    print(f"picture: {visualize(found, given.folder)}")
    question = (Path(__file__).parent / "where_from.rq").read_text()
    for answer in found.query(question):
        print("\n".join(f"{name}: {value}" for name, value in answer.items()))
