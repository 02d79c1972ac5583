"""The contract on the wrapper of lammps."""

from cuds.testing import WrapperContract
from cuds_lammps import LammpsWrapper


class TestLammps(WrapperContract):
    wrapper = LammpsWrapper
