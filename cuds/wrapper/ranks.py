"""A worker of several ranks: the same orders to every rank, one answer from all of them.

A launcher like ``mpiexec`` starts the ranks, which connect to a socket in a folder that only its owner can enter: once
for orders, once as a lifeline that ends them when the caller is gone. All ranks do the same, so that an engine's
collective calls meet; the answer is that of rank 0. When a rank fails and others do not, they are waiting for it in
vain, and all of them end.
"""

import contextlib
import os
import select
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from cuds.wrapper.channel import Channel

HELLO = struct.Struct("<i?")  # which rank, and whether this is its lifeline
_GRACE = 5.0  # seconds for the others to answer after one rank failed


class Ranks:
    """The caller's end of all ranks; as a `Channel` it is one.

    Parameters
    ----------
    count : int
        How many ranks join.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._folder = tempfile.TemporaryDirectory(prefix="cuds-")
        self.path = str(Path(self._folder.name) / "s")
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(self.path)
        self._door.listen(2 * count)
        self._channels: dict[int, Channel] = {}
        self._lifelines: list[socket.socket] = []
        self._answers: dict[int, Any] = {}

    def join(self, process: "subprocess.Popen[bytes]", patience: float = 60.0) -> None:
        """Wait until every rank has connected.

        Raises
        ------
        EOFError
            When the launcher ends before, or after so many seconds.
        """
        limit = time.monotonic() + patience
        while len(self._channels) < self.count or len(self._lifelines) < self.count:
            if process.poll() is not None or time.monotonic() > limit:
                raise EOFError
            if not select.select([self._door], [], [], 0.1)[0]:
                continue
            connected, _ = self._door.accept()
            rank, lifeline = HELLO.unpack(connected.recv(HELLO.size, socket.MSG_WAITALL))
            if lifeline:
                self._lifelines.append(connected)
            else:
                self._channels[rank] = Channel(connected)
        self._door.close()
        self._folder.cleanup()

    def send(self, message: Any) -> None:
        """Send the same to every rank."""
        if not self._channels:
            raise ConnectionError
        self._answers = {}
        for channel in self._channels.values():
            channel.send(message)

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message of rank 0; an answer only when every rank has given one.

        Raises
        ------
        TimeoutError
            When there is none within `timeout` seconds.
        EOFError
            When a rank is gone.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        failed: float | None = None
        while len(self._answers) < self.count:
            errors = [a for _, a in sorted(self._answers.items()) if a[0] == "error"]
            if errors and failed is None:
                failed = time.monotonic() + _GRACE
            if failed is not None and time.monotonic() > failed:
                self.close()
                return errors[0]
            told = self._next(0.1 if limit is None or failed else max(0.0, min(0.1, limit - time.monotonic())))
            if told is not None:
                return told
            if limit is not None and failed is None and time.monotonic() >= limit and len(self._answers) < self.count:
                raise TimeoutError
        errors = [a for _, a in sorted(self._answers.items()) if a[0] == "error"]
        return errors[0] if errors else self._answers[0]

    def _next(self, wait: float) -> Any:
        """Take in what the ranks say; return progress of rank 0."""
        waiting = {c.sock: r for r, c in self._channels.items() if r not in self._answers}
        for ready in select.select(list(waiting), [], [], wait)[0]:
            rank = waiting[ready]
            message = self._channels[rank].receive(None)
            if message[0] == "progress":
                return message
            self._answers[rank] = message
        return None

    def close(self) -> None:
        """Let go of every rank, which ends them."""
        for line in self._lifelines:
            line.close()
        for channel in self._channels.values():
            channel.close()
        self._channels, self._lifelines = {}, []
        with contextlib.suppress(OSError):
            self._door.close()
        self._folder.cleanup()


def join(path: str) -> tuple[int, socket.socket, socket.socket]:
    """Return, on a rank, its number, its lifeline and its socket for orders."""
    rank = next(int(os.environ[n]) for n in ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK") if n in os.environ)
    found = []
    for lifeline in (True, False):
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(path)
        connected.sendall(HELLO.pack(rank, lifeline))
        found.append(connected)
    return rank, found[0], found[1]
