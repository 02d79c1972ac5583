"""A million atoms to a service and back, many small reads, and what memory they take: of a real process."""

import http.client
import http.server
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ase
import httpx2
import numpy as np

import cuds
from tests.server import Server, serving
from tests.service.sets import HDF5, as_file, path, put, steel


def memory(server: Server, what: str) -> int:
    """Return bytes of memory of a service: VmRSS now, VmHWM at most."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(what)))


def atoms(n: int) -> cuds.DataSet:
    dice = np.random.default_rng(1)
    made = ase.Atoms(numbers=np.full(n, 29), positions=dice.uniform(0, 100, (n, 3)), cell=[100] * 3, pbc=True)
    made.set_velocities(dice.normal(size=(n, 3)))
    return cuds.DataSet(cuds.ParticleSystem.from_ase(made, label="copper"), label="copper")


class Bare(http.server.SimpleHTTPRequestHandler):
    """Sends files, and takes bodies to nowhere."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_PUT(self) -> None:
        left = int(self.headers["content-length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


def fetched(client: httpx2.Client, url: str, into: Path) -> float:
    """Return the seconds that it takes to have a file here."""
    begun = time.perf_counter()
    with client.stream("GET", url, headers={"Accept": HDF5}) as answer, into.open("wb") as out:
        for some in answer.iter_raw(1 << 20):
            out.write(some)
    return time.perf_counter() - begun


def bare(file: Path, times: int) -> tuple[float, float]:
    """Return the seconds of a bare transfer of a file over HTTP on this machine, there and back."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Bare, directory=str(file.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, there, back = f"http://127.0.0.1:{server.server_port}/{file.name}", list[float](), list[float]()
    with httpx2.Client() as client:
        for _ in range(times):
            begun = time.perf_counter()
            with file.open("rb") as body:
                client.put(url, content=body)
            there.append(time.perf_counter() - begun)
            back.append(fetched(client, url, file.with_suffix(".back")))
            assert file.with_suffix(".back").stat().st_size == file.stat().st_size
    server.shutdown()
    server.server_close()
    return min(there), min(back)


def test_many_atoms_go_to_the_service_and_back(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    n = count(200_000, 1_000_000)
    data = atoms(n)
    file, back = data.save(tmp_path / "atoms.h5md"), tmp_path / "back.h5md"
    with serving(tmp_path / "library") as server, server.client() as client:
        put(client, "small", as_file(steel(), tmp_path))
        before = memory(server, "VmRSS")
        there, took = list[float](), list[float]()
        for k in range(3):
            begun = time.perf_counter()
            with file.open("rb") as body:
                answer = client.put(path(f"atoms {k}"), content=body, headers={"Content-Type": HDF5})
            there.append(time.perf_counter() - begun)
            assert answer.status_code == 201, answer.text
            took.append(fetched(client, path(f"atoms {k}"), back))
        grown = memory(server, "VmHWM") - before
    plain = bare(file, 3)
    size, part = file.stat().st_size, sum(plain) / (min(there) + min(took))
    print(f"\n{n} atoms, {size / 1e6:.0f} MB: there {min(there):.3f} s, back {min(took):.3f} s; "
          f"bare {plain[0]:.3f} s, {plain[1]:.3f} s; {part:.0%} of it; memory {grown / 1e6:.0f} MB")  # fmt: skip
    assert cuds.read(back, verify=True)[cuds.ParticleSystem].digest == data[cuds.ParticleSystem].digest
    assert grown < 2 * size + 50e6  # fewer atoms than weigh more than the libraries that are loaded on the way


def test_small_reads(tmp_path: Path, count: Callable[[int, int], int]) -> None:
    times, took = count(500, 5000), list[float]()
    with serving(tmp_path / "library") as server, server.client() as client:
        put(client, "small", as_file(steel(), tmp_path))
        headers = {"Accept": "text/turtle", "Authorization": f"Bearer {server.key}"}

        def read(n: int) -> None:
            """By the client that takes the least of the processor, as it is the service that is measured."""
            own = http.client.HTTPConnection(server.url.removeprefix("http://"))
            for _ in range(n):
                begun = time.perf_counter()
                own.request("GET", path("small"), headers=headers)
                answer = own.getresponse()
                assert answer.read().startswith(b"@prefix")
                assert answer.status == 200
                took.append(time.perf_counter() - begun)
            own.close()

        threads = [threading.Thread(target=read, args=(times // 4,)) for _ in range(4)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole = time.perf_counter() - begun
    print(f"\n{len(took) / whole:.0f} reads a second, p50 {np.percentile(took, 50) * 1e3:.1f} ms, "
          f"p99 {np.percentile(took, 99) * 1e3:.1f} ms")  # fmt: skip
    assert len(took) == 4 * (times // 4)
