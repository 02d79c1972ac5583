"""A clamped cube of first-order tetrahedra under its weight, solved by one of two ways in a process of its own.

python elasticity.py cuds|generic N FILE: prints seconds of the processor and gigabytes, leaves the displacement in the
file. The clock runs from the mesh to the displacement, with cuds also to strain and stress; imports are not timed.
"""

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyamg
import scipy.sparse.linalg
import skfem
from skfem.helpers import dot
from skfem.models.elasticity import lame_parameters, linear_elasticity

E, NU, WEIGHT, TOLERANCE = 1000.0, 0.3, -1e-3, 1e-8  # MPa, 1, N/mm^3, relative residual


def cube(n: int) -> Any:
    side = np.linspace(0, 1, n + 1)
    return skfem.MeshTet.init_tensor(side, side, side)


def peak() -> float:
    """Return the most memory in bytes that this program has held; getrusage would count its parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024.0 * int(found[1])


def by_cuds(mesh: Any) -> np.ndarray:
    """Through the wrapper, with every check; also strain and stress of elements and points."""
    import cuds
    from cuds_skfem import SkfemWrapper

    x, cells = mesh.p.T, mesh.t.T
    overturned = np.linalg.det(x[cells[:, 1:]] - x[cells[:, :1]]) < 0
    cells = np.where(overturned[:, None], cells[:, [1, 0, 2, 3]], cells)
    left = cuds.Region(name="left", on="points", members=np.flatnonzero(x[:, 0] == 0))
    body = cuds.Mesh(points=(x, "mm"), blocks=(cuds.ElementBlock(shape="tetra", nodes=cells),), regions=(left,))
    job = cuds.LinearElasticity(
        body,
        material=cuds.ElasticTensor.isotropic((E, "MPa"), NU),
        conditions=[cuds.Fixed("left"), cuds.BodyForce(z=(WEIGHT, "N/mm**3"))],
        tolerance=TOLERANCE,
    )
    with tempfile.TemporaryDirectory() as folder, SkfemWrapper(Path(folder)).open(job) as session:
        session.advance()
        found: np.ndarray = session.pull(cuds.Field, "displacement").in_unit("mm")
        return found


def by_forms(mesh: Any) -> np.ndarray:
    """As scikit-fem's examples do: a bilinear form, condensed supports, multigrid that knows the rigid motions."""
    basis = skfem.Basis(mesh, skfem.ElementVector(skfem.ElementTetP1()), intorder=1)
    K = linear_elasticity(*lame_parameters(E, NU)).assemble(basis)
    f = skfem.LinearForm(lambda v, w: dot(np.array([0, 0, WEIGHT])[:, None, None] + 0 * w.x, v)).assemble(basis)
    A, b, u, free = skfem.condense(K, f, D=basis.get_dofs(lambda x: x[0] == 0))
    x = mesh.p.T - 0.5
    motions = np.zeros((len(x), 3, 6))
    motions[:, :, :3] = np.eye(3)
    for i in range(3):
        motions[:, (i + 1) % 3, 3 + i], motions[:, (i + 2) % 3, 3 + i] = -x[:, (i + 2) % 3], x[:, (i + 1) % 3]
    levels = pyamg.smoothed_aggregation_solver(A.tobsr((3, 3)), B=motions.reshape(-1, 6)[free], max_coarse=100)
    u[free] = scipy.sparse.linalg.cg(A, b, rtol=TOLERANCE, M=levels.aspreconditioner())[0]
    solution: np.ndarray = u.reshape(-1, 3)
    return solution


if __name__ == "__main__":
    way, n, path = {"cuds": by_cuds, "generic": by_forms}[sys.argv[1]], int(sys.argv[2]), sys.argv[3]
    way(cube(2))  # imports and first calls
    mesh = cube(n)
    start = time.process_time()
    found = way(mesh)
    seconds = time.process_time() - start
    np.save(path, found)
    print(seconds, peak() / 1e9)
