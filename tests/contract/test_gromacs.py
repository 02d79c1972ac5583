"""GROMACS keeps the contract of wrappers, with the one interaction by distance that it has."""

import cuds
from cuds.testing import WrapperContract
from cuds_gromacs import GromacsWrapper


class TestGromacs(WrapperContract):
    wrapper = GromacsWrapper

    def potential(self) -> cuds.Potential:
        """A cutoff below half of the smallest cell of the suite; shifted, so that energies are continuous."""
        return cuds.pair("LennardJones", "Cu", "Cu", epsilon="0.4 eV", sigma="2.3 angstrom", cutoff="3.4 angstrom",
                         truncation="ShiftedCutoff")  # fmt: skip
