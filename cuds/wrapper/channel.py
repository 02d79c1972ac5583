"""Messages between a caller and its worker: a socket for small things, shared memory for arrays.

A message is a pickle whose arrays travel outside it (protocol 5). Both ends are our own processes, joined
by a socket pair that nobody else holds. Large arrays lie in a memory file whose descriptor is sent along:
it has no name, so nothing is left behind however a process ends, and no mount limits its size.
"""

import array
import mmap
import os
import pickle
import select
import socket
import struct
import tempfile
from typing import Any

_HEAD = struct.Struct("<QQ?")
_INLINE = 1 << 16
_ALIGN = 64


class Channel:
    """One end of a socket pair.

    Parameters
    ----------
    sock : socket
        A connected stream socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, message: Any) -> None:
        """Send any picklable thing."""
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
        raw = [b.raw() for b in buffers]
        sizes = struct.pack(f"<{len(raw)}Q", *(len(r) for r in raw))
        shared = sum(len(r) for r in raw) > _INLINE
        head = _HEAD.pack(len(body), len(raw), shared)
        if shared:
            fd = _memory_file(raw)
            try:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
                sent = self.sock.sendmsg([head], rights)
                self.sock.sendall(head[sent:] + sizes + body)
            finally:
                os.close(fd)
        else:
            self.sock.sendall(b"".join([head, sizes, body, *raw]))

    def receive(self, timeout: float | None = None) -> Any:
        """Return the next message.

        Raises
        ------
        TimeoutError
            When none begins within `timeout` seconds.
        EOFError
            When the other end is gone.
        """
        if not select.select([self.sock], [], [], timeout)[0]:
            raise TimeoutError
        head, fds = self._start()
        n_body, n_buffers, shared = _HEAD.unpack(head)
        sizes = struct.unpack(f"<{n_buffers}Q", self._exactly(8 * n_buffers))
        body = self._exactly(n_body)
        buffers = _map(fds[0], sizes) if shared else [memoryview(self._exactly(s)) for s in sizes]
        return pickle.loads(body, buffers=buffers)

    def _start(self) -> tuple[bytes, list[int]]:
        head, fds = b"", []
        while len(head) < _HEAD.size:
            try:
                part, ancillary, _, _ = self.sock.recvmsg(_HEAD.size - len(head), socket.CMSG_SPACE(4))
            except ConnectionError:
                raise EOFError from None
            if not part:
                raise EOFError
            head += part
            for _, _, data in ancillary:
                fds += list(array.array("i", data))
        return head, fds

    def _exactly(self, count: int) -> bytes:
        parts, missing = [], count
        while missing:
            try:
                part = self.sock.recv(min(missing, 1 << 20))
            except ConnectionError:
                raise EOFError from None
            if not part:
                raise EOFError
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close this end."""
        self.sock.close()


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _memory_file(raw: list[memoryview]) -> int:
    """Return the descriptor of a memory file that holds the buffers one after the other."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("cuds", os.MFD_CLOEXEC)
    else:
        handle, name = tempfile.mkstemp()
        os.unlink(name)
        fd = handle
    os.ftruncate(fd, max(1, sum(_aligned(len(r)) for r in raw)))
    offset = 0
    for buffer in raw:
        written = 0
        while written < len(buffer):
            written += os.pwrite(fd, buffer[written:], offset + written)
        offset += _aligned(len(buffer))
    return fd


def _map(fd: int, sizes: tuple[int, ...]) -> list[memoryview]:
    try:
        whole = memoryview(mmap.mmap(fd, sum(_aligned(s) for s in sizes), access=mmap.ACCESS_READ))
    finally:
        os.close(fd)
    views, offset = [], 0
    for size in sizes:
        views.append(whole[offset : offset + size])
        offset += _aligned(size)
    return views
