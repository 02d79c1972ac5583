"""The contract on the wrapper of ase."""

from cuds.testing import WrapperContract
from cuds_ase import AseWrapper


class TestAse(WrapperContract):
    wrapper = AseWrapper
