"""scikit-fem and pyamg for cuds."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuds_skfem.wrapper import SkfemWrapper

__all__ = ["SkfemWrapper"]


def __getattr__(name: str) -> Any:
    if name == "SkfemWrapper":
        from cuds_skfem.wrapper import SkfemWrapper

        return SkfemWrapper
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
