"""Read a large system from files of GROMACS, after a small one; print atoms, seconds, and bytes at most and of arrays.

Run as a program of its own, so that its memory is its own: python reading.py SMALL LARGE, folders of files.
"""

import re
import sys
import time
from pathlib import Path

import cuds
from cuds.semantics.lift import lift


def status(key: str) -> int:
    """Return what the system says of this program, in bytes."""
    found = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def read(folder: str) -> cuds.DataSet:
    return cuds.read(*(Path(folder) / name for name in ("conf.gro", "topol.top", "run.mdp")))


if __name__ == "__main__":
    read(sys.argv[1])
    before, begun = status("VmRSS"), time.process_time()
    data = read(sys.argv[2])
    seconds, most = time.process_time() - begun, status("VmHWM") - before
    arrays = sum(a.nbytes for a in lift(data).arrays.values() if not isinstance(a, bytes))
    print(len(data[cuds.ParticleSystem]), seconds, most, arrays)
