"""From fibres to a laminate that heat warps.

The stiffness of a ply comes from an array of its fibres, with bounds beside it. Two plies, across each other, are
heated from below; what the heat strains warps them into a saddle. A quarter of the laminate is computed.

    python examples/02_warped_laminate.py [--folder results]
"""

import argparse
from pathlib import Path

import numpy as np

import cuds

# Glass in epoxy (Soden, Hinton and Kaddour, Compos. Sci. Technol. 58, 1011 (1998)); the heat of such a ply is typical.
GLASS = cuds.ElasticTensor.isotropic("74 GPa", 0.2)
EPOXY = cuds.ElasticTensor.isotropic("3.35 GPa", 0.35)
EXPANSION = (np.diag([8.6e-6, 26.4e-6, 26.4e-6]), "1/K")
CONDUCTIVITY = (np.diag([0.8, 0.4, 0.4]), "W/m/K")


def main(folder: str | Path = "results", progress: cuds.ProgressCallback = cuds.silent) -> cuds.DataSet:
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    # the ply: fibres along x, 60 % of its volume
    cell = cuds.fibre_array(0.6, packing="square")
    ply = cuds.derive_all(
        cuds.ElasticTensor,
        mesh=cell,
        materials={"fibre": GLASS, "matrix": EPOXY},
        arrangement="fibre",
        engine="skfem",
        progress=progress,
    )
    print(ply[cuds.ElasticBounds])

    # two of them across each other, 2 mm in all; of 80 x 80 mm a quarter
    labels = np.repeat(np.array([0, 0, 1, 1]), 400).reshape(4, 20, 20).transpose(1, 2, 0)
    plate = cuds.voxels(labels, size=([40.0, 40.0, 2.0], "mm"), names={0: "below", 1: "above"})
    middle = cuds.Region(name="middle", on="points", members=[0])
    plate = plate.replace(regions=(*plate.regions, middle), label="laminate")
    quarter_turn = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    plies = {
        name: cuds.Material(
            elastic=ply[cuds.ElasticTensor],
            thermal_expansion=EXPANSION,
            conductivity=CONDUCTIVITY,
            density="2000 kg/m^3",
            specific_heat="1000 J/kg/K",
            orientation=turn,
        )
        for name, turn in (("below", np.eye(3)), ("above", quarter_turn))
    }

    # a hot plate below, air above
    heat = cuds.run(
        cuds.HeatConduction(
            plate,
            materials=plies,
            conditions=[
                cuds.Temperature("zmin", "80 degC"),
                cuds.Convection("zmax", coefficient="10 W/m^2/K", ambient="20 degC"),
            ],
            initial="20 degC",
            duration="40 s",
            timestep="0.5 s",
            every="10 s",
        ),
        engine="skfem",
        progress=progress,
    )
    for field in heat.all(cuds.Temperature):
        print(f"{field.time}: the top is at {field.in_unit('K')[plate.region_points('zmax')].mean() - 273.15:.1f} degC")

    # what that strains
    shape = cuds.run(
        cuds.LinearElasticity(
            plate,
            materials=plies,
            conditions=[
                cuds.Symmetry("xmin"),
                cuds.Symmetry("ymin"),
                cuds.Displacement("middle", z=(0, "mm")),
            ],
            temperature=heat.field("temperature", time="40 s"),
            reference_temperature="20 degC",
        ),
        engine="skfem",
        progress=progress,
    )
    (shape + ply).save(folder / "laminate.h5md")
    return shape + ply


def visualize(result: cuds.DataSet, folder: str | Path = "results") -> Path:
    """Draw how far the laminate leaves its plane."""
    picture: Path = cuds.plot(result, field="displacement", component="z", path=Path(folder) / "laminate.png")
    return picture


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="results")
    given = parser.parse_args()
    print(visualize(main(given.folder), given.folder))
