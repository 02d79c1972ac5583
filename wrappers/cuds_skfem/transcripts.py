"""Transcripts: one file that runs in scikit-fem alone, made of those that the wrapper itself uses."""

import inspect
from types import ModuleType

from cuds_skfem import bare

_MAIN = '\n\nif __name__ == "__main__":'


def transcript_of(module: ModuleType) -> str:
    """Return a script of the shared file and one that builds on it, which takes its names from there."""
    shared = inspect.getsource(bare).partition(_MAIN)[0]
    lines = inspect.getsource(module).splitlines(keepends=True)
    return shared + "\n\n\n" + "".join(line for line in lines if not line.startswith("from cuds_skfem"))
