"""A service as a user has it: a process of its own, on a free port, and clients that speak HTTP to it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from cuds.service.identity import Keys


@dataclass
class Server:
    """A running service.

    Parameters
    ----------
    process : subprocess.Popen
        Its process.
    url : str
        Where it listens.
    folder : Path
        Its library.
    key : str
        May do everything; empty where nobody is asked for one.
    """

    process: "subprocess.Popen[str]"
    url: str
    folder: Path
    key: str
    log: Path
    keys: dict[str, str] = field(default_factory=dict)

    def key_of(self, name: str, *scopes: str) -> str:
        """Return the key of a name, made when it is first wanted."""
        if name not in self.keys:
            self.keys[name] = Keys(self.folder / "service").add(name, scopes or ("read", "write"))
        return self.keys[name]

    def client(self, name: str = "", *scopes: str, **options: Any) -> httpx2.Client:
        """Return a client with a key: of somebody, or of the admin."""
        key = self.key_of(name, *scopes) if name else self.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End it, and return how it ended."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.wait(60)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Yield a service over a library, ended at the end."""
    server = start(folder, *options)
    try:
        yield server
    finally:
        server.stop()


def start(folder: Path, *options: str) -> Server:
    """Start a service, and return it when it listens."""
    log = folder.with_name(f"{folder.name}.log")
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "cuds", "serve", str(folder), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
    assert process.stdout is not None
    key, url = "", ""
    while not url:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"{process.wait()}: {log.read_text()}")
        key = found[0] if (found := re.findall(r"cuds_\S+", line)) else key
        url = line.strip() if line.startswith("http") else url
    return Server(process, url, folder, key, log)
