"""Running out of memory, said in words; what was computed until then is let go."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import numpy as np
from scipy.linalg import get_blas_funcs

from cuds.errors import OutOfMemoryError


class Solving(Protocol):
    """A session that says what it is about."""

    deck: Any
    doing: str


S = TypeVar("S", bound=Solving)
P = ParamSpec("P")


def hold_workspace() -> None:
    """Have NumPy's and SciPy's OpenBLAS take their workspaces, which they keep.

    Asked for one when there is no memory left, OpenBLAS tries again forever; factorisations ask for it late.
    """
    a = np.eye(256)
    np.matmul(a, a)
    gemm, trsv = get_blas_funcs(("gemm", "trsv"), (a,))
    gemm(1.0, a, a)
    trsv(a, a[0])


def naming_memory(advance: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Return `advance` so that it raises an error of ours, naming what it was about, where memory runs out."""

    @wraps(advance)
    def advanced(session: S, /, *given: P.args, **named: P.kwargs) -> None:
        try:
            return advance(session, *given, **named)
        except MemoryError as error:
            words = str(error).strip()
        # Outside of `except`: inside, the arrays of the failed attempt would stay as long as the error does.
        how = "options={'solver': 'amg'}, which needs far less, " if session.deck.solver == "direct" else ""
        raise OutOfMemoryError(
            f"scikit-fem: out of memory while {session.doing}" + (f" ({words})" if words else ""),
            hint=f"take {how}a coarser mesh, planes of symmetry, or a machine with more memory",
            doing=session.doing,
        )

    return advanced
