"""Running the nodes of a wiring: each as soon as what it waits for is there, wherever an executor puts it."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from cuds.coupling.node import Node
from cuds.coupling.relay import Parcel, Relay, RemoteReport, Report
from cuds.errors import CudsError, InvalidError
from cuds.execution.cache import log
from cuds.model.dataset import DataSet
from cuds.wrapper.contract import Progress

Inputs = Callable[[str, Mapping[str, DataSet]], dict[str, Any]]


class _Here(Executor):
    """Does everything at once, where it is asked to."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # as any executor does
            done.set_exception(error)
        return done


@contextmanager
def executing(executor: Executor | int | None) -> Iterator[Executor]:
    """Yield an executor: the one given, which its owner ends; else so many threads; else none but the caller's.

    Raises
    ------
    InvalidError
        When it is neither.
    """
    count = isinstance(executor, int) and not isinstance(executor, bool)
    if not (executor is None or isinstance(executor, Executor)) and (not count or executor < 1):
        raise InvalidError(
            f"executor: {executor!r}",
            hint="give a number of threads, or an executor: concurrent.futures.ProcessPoolExecutor(2), "
            "client.get_executor() of Dask, parsl.concurrent.ParslPoolExecutor(config)",
            field="executor",
        )
    if isinstance(executor, int):
        threads = ThreadPoolExecutor(executor, "cuds")
        try:
            yield threads
        finally:
            threads.shutdown(cancel_futures=True)
    else:
        yield executor or _Here()


def run_node(node: Node, report: Report | RemoteReport, connected: Parcel) -> Parcel:
    """Run a node, and return what it gave; called by an executor, maybe in another process.

    Parsl gives arguments called inputs, outputs and stdout a meaning of its own.
    """
    report.open()
    try:
        laboratory = replace(node.laboratory, progress=report, stop=report.stopped)
        return Parcel(replace(node, laboratory=laboratory).run(**connected.content))
    finally:
        report.close()


class Schedule:
    """One run of a wiring.

    Parameters
    ----------
    name : str
        Of the wiring.
    nodes : mapping of str to Node
        What is run, and how.
    before : mapping of str to set of str
        What each node waits for.
    inputs : callable
        Returns, for a node, what comes by its connections out of what is done.
    """

    def __init__(
        self, name: str, nodes: Mapping[str, Node], before: Mapping[str, set[str]], inputs: Inputs, relay: Relay
    ) -> None:
        self.name = name
        self.nodes = nodes
        self.before = before
        self.inputs = inputs
        self.relay = relay
        self.done: dict[str, DataSet] = {}
        self.failed: dict[str, BaseException] = {}
        self.left: list[str] = []

    def run(self, executor: Executor) -> dict[str, DataSet]:
        """Run all nodes and return what each gave.

        Raises
        ------
        CudsError
            The first that a node raised, after everything was done that does not wait for it.
        """
        order = TopologicalSorter(self.before)
        order.prepare()
        running: dict[Future[Any], str] = {}
        try:
            while order.is_active():
                self._start(order, executor, running)
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    self._finish(name, future)
                    order.done(name)
        except BaseException:
            self._stop(running)
            raise
        if self.failed:
            raise self._error()
        return self.done

    def _start(self, order: "TopologicalSorter[str]", executor: Executor, running: "dict[Future[Any], str]") -> None:
        """Hand over what can be run; what waits for something that failed is left, and all that waits for that."""
        while ready := order.get_ready():
            for name in ready:
                if self.before[name] & {*self.failed, *self.left}:
                    self.left.append(name)
                    order.done(name)
                    continue
                self._tell()
                try:
                    inputs = Parcel(self.inputs(name, self.done))
                    future = executor.submit(run_node, self.nodes[name], Report(self.relay, name), inputs)
                except Exception as error:  # what came does not fit, or the executor takes no more
                    future = Future()
                    future.set_exception(error)
                running[future] = name

    def _finish(self, name: str, future: "Future[Any]") -> None:
        try:
            self.done[name] = future.result().content
        except Exception as error:  # whatever a node, or the executor, raises
            self.failed[name] = error
            text = error.message if isinstance(error, CudsError) else f"{type(error).__name__}: {error}"
            if len(self.done) + len(self.failed) + len(self.left) < len(self.nodes):
                log.error("%s: %s failed: %s", self.name, name, text.partition("\n")[0])
        self._tell()

    def _tell(self) -> None:
        self.relay.tell(Progress(len(self.done), len(self.nodes), "nodes", self.name))

    def _stop(self, running: "dict[Future[Any], str]") -> None:
        self.relay.stop()
        for future in running:
            future.cancel()
        with contextlib.suppress(BaseException):  # the interrupt is what matters
            wait(running, timeout=10)

    def _error(self) -> BaseException:
        """Return the first error, told which node it is of, and what became of the others."""
        name, error = next(iter(self.failed.items()))
        others = {
            "failed as well": [n for n in self.failed if n != name],
            "not run": self.left,
            "done": list(self.done),
        }
        fate = "; ".join(f"{what}: {', '.join(names)}" for what, names in others.items() if names)
        if isinstance(error, CudsError):
            told = error.within(name)
            told.message += f"\n  {fate}" if fate else ""
            told.__cause__ = error
            return told
        error.add_note(f"in the node {name}; {fate}")
        return error
