"""Simulations and recipes wired together: run, saved, drawn."""

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import closing, contextmanager
from pathlib import Path

from cuds.coupling import drawing, saved
from cuds.coupling.diagram import Diagram
from cuds.coupling.node import Node
from cuds.coupling.relay import Relay
from cuds.coupling.schedule import Schedule, executing
from cuds.coupling.seeds import remembered
from cuds.errors import InvalidError
from cuds.execution.lock import alone
from cuds.execution.perform import UNFINISHED, told
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.wrapper.contract import ProgressCallback, silent


@contextmanager
def _alone(folder: Path | None) -> Iterator[None]:
    """Hold the folder of a run, if it has one."""
    if folder is None:
        yield
        return
    with alone(folder, "folder"):
        yield
        with contextlib.suppress(OSError):  # something in it was not finished
            (folder / UNFINISHED).rmdir()


class Wiring(Diagram):
    """Nodes and connections that can be run.

    Parameters
    ----------
    name : str
        For people.
    """

    def run(
        self,
        *,
        folder: str | Path | None = None,
        executor: Executor | int | None = None,
        fresh: bool = False,
        dry_run: bool = False,
        keep: str | Path | None = None,
        progress: ProgressCallback = silent,
    ) -> DataSet:
        """Check, run every node once what it waits for is there, and return all that came out.

        Parameters
        ----------
        folder : path, optional
            Where the result of each node is kept as soon as it is there. A run in the same folder takes what is
            there, and goes on: after a failure, an interrupt, or a kill at any moment.
        executor : concurrent.futures.Executor or int, optional
            Runs nodes at the same time: threads, processes, Parsl, Dask; or so many threads. Each engine then has a
            process of its own.
        fresh : bool
            Compute anew what is kept, in the folder and in the cache.
        dry_run : bool
            Compute nothing: print what each engine would be told, or what a node waits for.
        keep : path, optional
            A folder in which the files of every node stay, by name.
        progress : callable
            Is told how far it has come.

        Raises
        ------
        CudsError
            The first that a node raised, told of which node it is; whatever does not wait for it is done before.
        """
        self.check()
        if folder is not None and (Path(folder) / saved.WIRING).exists():
            raise InvalidError(
                f"folder: in {folder} a wiring is saved",
                hint=f"keep results beside it: folder={str(Path(folder) / 'results')!r}",
                field="folder",
            )
        own = None if folder is None else Path(folder).absolute()
        nodes = {
            name: node.within(
                name=name,
                fresh=fresh,
                rehearsing=dry_run,
                keep=None if keep is None else Path(keep).absolute() / name,
                results=None if own is None else own / f"{name}.h5md",
                isolation=node.laboratory.isolation or (None if executor is None else "worker"),
            )
            for name, node in self.nodes.items()
        }
        if dry_run:
            return self._rehearse(nodes)
        relay = Relay(progress)
        with _alone(own), executing(executor) as running, closing(relay):
            nodes = nodes if own is None else remembered(nodes, own)
            found = Schedule(self.name, nodes, self.before(), self._transferred, relay).run(running)
        return sum((found[name] for name in self.order()), DataSet(label=self.name))

    def _transferred(self, name: str, found: Mapping[str, DataSet]) -> dict[str, Entity]:
        return {n: c.transfer(found[c.source.name]) for n, c in self.into(name).items()}

    def _rehearse(self, nodes: Mapping[str, Node]) -> DataSet:
        """Print what each engine would be told as far as it is known, and return the records of it."""
        known: dict[str, DataSet] = {}
        records = []
        for name in self.order():
            into = self.into(name)
            waits = [f"{n} from {c.source.name}.{c.output.name}" for n, c in into.items() if c.source.name not in known]
            if waits:
                by = f" by {nodes[name].engine}" if nodes[name].engine else ""
                print(f"# {name}: {nodes[name].what.__name__}{by} waits for {', '.join(waits)}\n")
                continue
            inputs = self._transferred(name, known)
            kept = nodes[name].retrieved(**inputs)
            if kept is not None:
                known[name] = kept
                print(f"# {name}: {nodes[name].what.__name__}: its result is kept; no engine would be told anything\n")
            else:
                found = nodes[name].run(**inputs)
                print(told(found, name))
                records.append(found)
        return sum(records, DataSet(label=self.name))

    def save(self, folder: str | Path) -> Path:
        """Write the wiring to a folder: what is run and what was given, but no code, and no path that leads out of it.

        Parameters
        ----------
        folder : path
            A new one, an empty one, or one in which a wiring was saved before: that one is replaced as a whole.

        Raises
        ------
        InvalidError
            When something that was given cannot be saved, or the folder holds something else.
        """
        written: Path = saved.write(self, Path(folder))
        return written

    @classmethod
    def load(cls, folder: str | Path) -> "Wiring":
        """Return the wiring that was saved in a folder, after checking everything in it.

        Raises
        ------
        UnknownError
            For a class, a recipe, a node, a port, an engine, an option that is not known here.
        FormatError
            When something in it is damaged, or leads out of the folder.
        """
        wiring: Wiring = saved.read(Path(folder), cls)
        return wiring

    def mermaid(self) -> str:
        """Return the wiring as a flow chart in the language of Mermaid."""
        text: str = drawing.mermaid(self)
        return text

    def picture(self, path: str | Path) -> Path:
        """Draw the wiring to an SVG file."""
        drawn: Path = drawing.picture(self, Path(path))
        return drawn

    def _repr_html_(self) -> str:
        return drawing.svg(self)
