"""Contract suites that authors of plug-ins subclass. They need pytest to run, and nothing to be imported.

::

    from cuds.testing import WrapperContract
    from my_package import MyWrapper

    class TestMyWrapper(WrapperContract):
        wrapper = MyWrapper
"""

from cuds.testing.contract import WrapperContract

__all__ = ["WrapperContract"]
