"""The contract on the wrapper of ase."""

import cuds
from cuds.testing import WrapperContract
from cuds_ase import AseWrapper


class TestAse(WrapperContract):
    wrapper = AseWrapper

    def potential(self) -> cuds.Potential:
        """A pair potential: ASE needs a quarter of a second for each step of 32 embedded atoms."""
        return cuds.pair("LennardJones", "Cu", "Cu", epsilon="0.4 eV", sigma="2.3 angstrom", cutoff="4.4 angstrom",
                         inner="3.6 angstrom", truncation="SquaredSwitch")  # fmt: skip
