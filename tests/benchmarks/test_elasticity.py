"""How fast bodies are solved, and in how much memory, beside scikit-fem's own forms; figures are printed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("elasticity.py")


def test_first_order_elements_are_assembled_without_forms(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    n = count(20, 45)
    seconds, memory, found = {}, {}, {}
    for way in ("generic", "cuds"):
        path = tmp_path / f"{way}.npy"
        command = [sys.executable, str(SCRIPT), way, str(n), str(path)]
        one = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        said = subprocess.run(command, capture_output=True, text=True, check=True, env=one).stdout.split()
        seconds[way], memory[way], found[way] = float(said[0]), float(said[1]), np.load(path)
        print(f"{way}: {found[way].size} degrees of freedom, {seconds[way]:.1f} s, {memory[way]:.2f} GB")
    largest = np.abs(found["generic"]).max()
    np.testing.assert_allclose(found["cuds"], found["generic"], rtol=0, atol=1e-5 * largest)
    assert memory["cuds"] < memory["generic"]
    if n == 45:  # smaller ones are too quick to compare
        assert memory["cuds"] < 1.2
