"""Between a wiring and its nodes, wherever they run: progress comes back, the order to stop goes out.

A node that runs in a thread calls the wiring itself. One that runs in another process of this machine is joined to it
by a socket in Linux's abstract namespace, which leaves no file behind; of one on another machine only the result is
heard.
"""

import contextlib
import json
import pickle
import secrets
import threading
from dataclasses import asdict, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from typing import Any

from cuds.wrapper.contract import Progress, ProgressCallback

_STOP = b"stop"


class Relay:
    """The wiring's end.

    Parameters
    ----------
    callback : callable
        Is told of all progress, by one at a time.
    """

    def __init__(self, callback: ProgressCallback) -> None:
        self.callback = callback
        self.stopped = threading.Event()
        self._lock = threading.RLock()
        self._listener: Listener | None = None
        self._connected: list[Connection[Any, Any]] = []
        self._address = f"\0cuds-{secrets.token_hex(16)}"
        self._key = secrets.token_bytes(32)

    def tell(self, event: Progress) -> None:
        """Pass progress on."""
        with self._lock:
            self.callback(event)

    def stop(self) -> None:
        """Have every node stop."""
        self.stopped.set()
        for connection in list(self._connected):
            with contextlib.suppress(OSError):
                connection.send_bytes(_STOP)

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):  # wakes the thread that waits for somebody, if it still does
                Client(self._address, "AF_UNIX").close()
            listener.close()

    def serve(self) -> tuple[str, bytes]:
        """Return where another process finds this one, and the key to it."""
        with self._lock:
            if self._listener is None:
                self._listener = Listener(self._address, "AF_UNIX")
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
            return self._address, self._key

    def _accept(self, listener: Listener) -> None:
        """Have everybody who comes heard in a thread of their own: who says nothing holds nobody up."""
        while self._listener is listener:
            with contextlib.suppress(OSError):
                threading.Thread(target=self._hear, args=(listener.accept(),), daemon=True).start()

    def _hear(self, connection: "Connection[Any, Any]") -> None:
        """Hear who has the key."""
        with contextlib.closing(connection), contextlib.suppress(OSError, EOFError, AuthenticationError):
            deliver_challenge(connection, self._key)
            answer_challenge(connection, self._key)
            self._connected.append(connection)
            if self.stopped.is_set():
                self.stop()
            with contextlib.suppress(ValueError, TypeError):
                while said := connection.recv_bytes():
                    self.tell(Progress(**json.loads(said)))
        if connection in self._connected:
            self._connected.remove(connection)


class Report:
    """The end of a node that runs in a thread; in another process it becomes a `RemoteReport`.

    Parameters
    ----------
    relay : Relay
        The wiring's end.
    name : str
        Of the node.
    """

    def __init__(self, relay: Relay, name: str) -> None:
        self.relay = relay
        self.name = name
        self.stopped = relay.stopped

    def __call__(self, event: Progress) -> None:
        """Pass progress on; in a run that is stopped, end here."""
        if self.stopped.is_set():
            raise InterruptedError(f"{self.name}: stopped")
        self.relay.tell(replace(event, text=f"{self.name}: {event.text}"))

    def open(self) -> None:
        """Nothing is to be opened."""

    def close(self) -> None:
        """Nothing is to be closed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteReport, (*self.relay.serve(), self.name)


class RemoteReport:
    """The end of a node in another process.

    Parameters
    ----------
    address : str
        Where the wiring is found.
    key : bytes
        The key to it.
    name : str
        Of the node.
    """

    def __init__(self, address: str, key: bytes, name: str) -> None:
        self.address, self.key, self.name = address, key, name
        self.stopped = threading.Event()
        self._connection: Connection[Any, Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:  # schedulers pass on what they were sent
        return RemoteReport, (self.address, self.key, self.name)

    def open(self) -> None:
        """Find the wiring, unless it is on another machine."""
        with contextlib.suppress(OSError, EOFError):
            self._connection = Client(self.address, "AF_UNIX", authkey=self.key)
            threading.Thread(target=self._hear, args=(self._connection,), daemon=True).start()

    def _hear(self, connection: "Connection[Any, Any]") -> None:
        """Wait for the order to stop, or for the end of whoever could give it."""
        with contextlib.suppress(OSError, EOFError, TypeError):
            connection.recv_bytes()
        connection.close()
        if self._connection is not None:
            self.stopped.set()

    def __call__(self, event: Progress) -> None:
        """Pass progress on; in a run that is stopped, end here."""
        if self.stopped.is_set():
            raise InterruptedError(f"{self.name}: stopped")
        if self._connection is not None:
            said = asdict(replace(event, text=f"{self.name}: {event.text}"))
            with contextlib.suppress(OSError):
                self._connection.send_bytes(json.dumps(said).encode())

    def close(self) -> None:
        """Say farewell; the other end closes then."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.send_bytes(b"")


class Parcel:
    """Something that may be sent to another process, where its arrays can again be read only.

    Parameters
    ----------
    content : object
        Picklable.
    """

    def __init__(self, content: Any) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, ...]:
        buffers: list[pickle.PickleBuffer] = []
        body = pickle.dumps(self.content, protocol=5, buffer_callback=buffers.append)
        return _unpacked, (body, [bytes(b.raw()) for b in buffers])


def _unpacked(body: bytes, buffers: list[bytes]) -> Parcel:
    return Parcel(pickle.loads(body, buffers=buffers))
