"""What a node in another process says reaches the wiring; what anybody else says does not."""

import pickle
import socket
import threading
import time
from multiprocessing.connection import Client

import pytest

from cuds.coupling.relay import Relay, RemoteReport, Report
from cuds.wrapper.contract import Progress


def remote(relay: Relay, name: str = "node") -> RemoteReport:
    report = pickle.loads(pickle.dumps(Report(relay, name)))
    assert isinstance(report, RemoteReport)
    return report


def test_progress_comes_back_and_the_order_to_stop_goes_out() -> None:
    heard: list[Progress] = []
    told = threading.Event()

    def hear(event: Progress) -> None:
        heard.append(event)
        told.set()

    relay = Relay(hear)
    report = remote(relay)
    report.open()
    report(Progress(1, 2, "steps", "half"))
    assert told.wait(20)
    assert [(p.done, p.text) for p in heard] == [(1, "node: half")]
    relay.stop()
    assert report.stopped.wait(20)
    with pytest.raises(InterruptedError, match="node"):
        report(Progress(1, 2, "steps", "more"))
    report.close()
    relay.close()


def test_who_has_no_key_is_not_heard_and_does_no_harm() -> None:
    heard: list[Progress] = []
    relay = Relay(heard.append)
    address, _ = relay.serve()
    with pytest.raises(Exception, match=r"(?i)digest|rejected|reset|end|broken|^$"):
        Client(address, "AF_UNIX", authkey=b"another").send_bytes(
            b'{"done": 1, "total": 2, "unit": "", "text": "forged"}'
        )
    with socket.socket(socket.AF_UNIX) as rude:  # says nothing it should
        rude.connect(address)
        rude.sendall(b"\0\0\0\4junk")
    silent = socket.socket(socket.AF_UNIX)
    silent.connect(address)
    report = remote(relay)
    report.open()
    report(Progress(1, 2, "steps", "honest"))
    limit = time.monotonic() + 20
    while not heard and time.monotonic() < limit:
        time.sleep(0.01)
    assert [p.text for p in heard] == ["node: honest"]
    report.close()
    relay.close()
    silent.close()


def test_a_relay_can_be_closed_at_any_moment() -> None:
    for _ in range(200):
        relay = Relay(lambda event: None)
        report = remote(relay)
        report.open()
        relay.close()
        report.close()


def test_a_relay_that_is_closed_is_found_by_nobody() -> None:
    relay = Relay(lambda event: None)
    report = remote(relay)
    relay.close()
    report.open()  # as on another machine: it goes on unheard
    report(Progress(1, 2, "steps", "unheard"))
    report.close()
