"""The process in which an engine runs: ``python -m cuds.wrapper.worker <socket> <lifeline> <caller>``.

A rank of several is started with one argument instead, the place where it joins the others. Started by
`cuds.wrapper.process`, never by hand. It ends when its caller does, however the caller ends.
"""

import importlib
import os
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from cuds.errors import CudsError, EngineError
from cuds.wrapper import ranks
from cuds.wrapper.channel import Channel


def _end_with_caller(lifeline: int, caller: int) -> None:
    """Kill this process once the caller is gone: its end of the lifeline closes, or it is no parent any more."""
    while caller in (0, os.getppid()):  # 0: a launcher is the parent
        if select.select([lifeline], [], [], 1.0)[0]:
            break
    os.kill(os.getpid(), signal.SIGKILL)


def _resolve(path: str) -> Any:
    module, _, name = path.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


class _Worker:
    """Answers calls to one wrapper, and to the session it opens."""

    def __init__(self, channel: Channel, *, tells: bool = True) -> None:
        self.channel = channel
        self.tells = tells  # of several ranks only the first tells of progress
        self.wrapper: Any = None
        self.session: Any = None

    def start(self, path: str, folder: Any, options: Any) -> None:
        self.wrapper = _resolve(path)(folder, options=options, progress=self.told)

    def told(self, progress: Any) -> None:
        if self.tells:
            self.channel.send(("progress", progress))

    def open(self, simulation: Any) -> None:
        self.session = self.wrapper.open(simulation)

    def rehearse(self, simulation: Any) -> None:
        self.session = self.wrapper.rehearse(simulation)

    def probe(self) -> Any:
        return self.wrapper.probe()

    def call(self, method: str, *args: Any) -> Any:
        return getattr(self.session, method)(*args)

    def serve(self) -> None:
        while True:
            try:
                order, *args = self.channel.receive()
            except EOFError:
                return
            try:
                answer = ("result", getattr(self, order)(*args))
            except CudsError as error:
                answer = ("error", error)
            except Exception as error:
                trace = "".join(traceback.format_exception(error)[-3:])
                hint = "this is a fault of the wrapper, not of your input; report it with the lines above"
                answer = ("error", EngineError(f"{type(error).__name__}: {error}\n{trace}", hint=hint))
            self.channel.send(answer)


def main() -> None:
    """Serve the socket and the lifeline whose descriptors are on the command line, or as a rank of several."""
    rank = 0
    if len(sys.argv) == 2:
        rank, line, connected = ranks.join(sys.argv[1])
        lifeline, caller = line.detach(), 0
    else:
        sock, lifeline, caller = (int(a) for a in sys.argv[1:4])
        connected = socket.socket(fileno=sock)
    threading.Thread(target=_end_with_caller, args=(lifeline, caller), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with connected:
        _Worker(Channel(connected), tells=rank == 0).serve()
    os._exit(0)  # engines have been seen to crash while they are torn down


if __name__ == "__main__":
    main()
