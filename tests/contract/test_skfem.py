"""The contract on the wrapper of skfem."""

from cuds.testing import WrapperContract
from cuds_skfem import SkfemWrapper


class TestSkfem(WrapperContract):
    wrapper = SkfemWrapper
