"""What is wired: nodes, and connections by the meaning of what goes between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from cuds.coupling.node import Node
from cuds.coupling.port import Port
from cuds.errors import InvalidError, UnknownError, WiringError, did_you_mean
from cuds.execution.session import Laboratory
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity


@dataclass(frozen=True)
class Connection:
    """An output of one node that goes into an input of another."""

    source: Node
    output: Port
    target: Node
    input: Port

    def transfer(self, found: DataSet) -> Entity:
        """Return what goes into the target, out of what the source gave: by reference, after a look at what it is.

        Raises
        ------
        WiringError, UnitError
            When it is not there, or not what it should be.
        """
        return self.input.check(self.output.take(found))

    @property
    def carries(self) -> str:
        """What flows: shape, kind and unit."""
        return self.output.carries

    def __str__(self) -> str:
        return f"{self.source.name}.{self.output.name} -> {self.target.name}.{self.input.name}"


class Diagram:
    """Nodes and connections.

    Parameters
    ----------
    name : str
        For people.
    """

    def __init__(self, name: str) -> None:
        if not name.isprintable():
            raise InvalidError(f"name: {name!r} cannot be printed", hint="name it in one line of text", field="name")
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.connections: list[Connection] = []

    def add(  # noqa: PLR0913  how a node is run is said by name
        self,
        name: str,
        what: Any,
        *,
        engine: str | None = None,
        options: dict[str, Any] | None = None,
        timeout: float | None = None,
        isolation: Literal["worker", "none"] | None = None,
        ranks: int = 1,
        **given: Any,
    ) -> Node:
        """Add something to be run.

        Parameters
        ----------
        name : str
            Of the node.
        what : type of Simulation, or Derive
            To be run.
        engine, options, timeout, isolation, ranks
            As in `cuds.run`.
        **given
            Inputs and settings; what is given is closed, the rest is open.

        Raises
        ------
        WiringError
            When the name is taken.
        UnknownError
            When it has no input of that name.
        InvalidError
            When what is given is no input of that kind, or the name cannot name a file.
        """
        laboratory = Laboratory(engine, options or {}, timeout=timeout, isolation=isolation, ranks=ranks)
        return self.put(name, what, laboratory, given)

    def put(
        self, name: str, what: Any, laboratory: Laboratory, given: Mapping[str, Any], seed: int | None = None
    ) -> Node:
        """Add what `add` adds, with its laboratory, and a seed that was drawn for it before."""
        if name in self.nodes:
            raise WiringError(f"there is a node {name!r} already", hint="give each node a name of its own", node=name)
        self.nodes[name] = Node.of(name, what, laboratory, given, seed)
        return self.nodes[name]

    def connect(self, source: Node | str, target: Node | str, *, output: str = "", input: str = "") -> list[Connection]:  # noqa: A002
        """Connect what fits: each open input of `target` for which exactly one output of `source` fits.

        Parameters
        ----------
        source, target : Node or str
            From where to where.
        output, input : str
            Named where the meaning alone does not decide.

        Raises
        ------
        WiringError
            When nothing fits, or an input could take several outputs, or an output fits several inputs; the
            candidates are listed.
        """
        one, two = self._node(source), self._node(target)
        outputs = self._named(one.outputs(), output, one, "output")
        inputs = self._named(self.open(two.name), input, two, "open input")
        fitting = {i: [o for o in outputs if o.fits(i)] for i in inputs}
        pairs = [(o, i) for i, found in fitting.items() for o in found]
        doubled = [p for p in pairs if sum(p[0] == q[0] for q in pairs) > 1 or sum(p[1] == q[1] for q in pairs) > 1]
        if doubled:
            listed = "; ".join(f"{one.name}.{o} -> {two.name}.{i}" for o, i in doubled)
            raise WiringError(
                f"several connections fit: {listed}", hint="name one: output=... or input=...", candidates=listed
            )
        if not pairs:
            raise WiringError(
                f"nothing of {one.name} fits {two.name}: outputs {_listed(outputs)}; open inputs {_listed(inputs)}",
                hint="an output must be of a class, and of a quantity, that an open input takes",
            )
        made = [Connection(one, o, two, i) for o, i in pairs]
        self._refuse_circles(made)
        self.connections += made
        return made

    def _node(self, node: Node | str) -> Node:
        name = node if isinstance(node, str) else node.name
        if name not in self.nodes:
            raise UnknownError(f"the wiring has no node {name!r}", hint=did_you_mean(name, self.nodes), node=name)
        return self.nodes[name]

    def _named(self, ports: list[Port], name: str, node: Node, what: str) -> list[Port]:
        if not name:
            return ports
        found = [p for p in ports if p.name == name]
        if not found:
            raise UnknownError(
                f"{node.name} has no {what} {name!r}", hint=did_you_mean(name, [p.name for p in ports]), node=node.name
            )
        return found

    def before(self, more: list[Connection] | None = None) -> dict[str, set[str]]:
        """Return what each node waits for."""
        before: dict[str, set[str]] = {name: set() for name in self.nodes}
        for c in [*self.connections, *(more or [])]:
            before[c.target.name].add(c.source.name)
        return before

    def order(self) -> list[str]:
        """Return the nodes in an order in which they can be run."""
        return list(TopologicalSorter(self.before()).static_order())

    def _refuse_circles(self, more: list[Connection]) -> None:
        try:
            TopologicalSorter(self.before(more)).prepare()
        except CycleError as error:
            circle = " -> ".join(error.args[1])
            raise WiringError(
                f"the connection closes a circle: {circle}", hint="a wiring runs each node once, in order"
            ) from None

    def check(self) -> str:
        """Return what will be run, by whom, in which order, and what flows; refuse what is incomplete or wrong.

        Raises
        ------
        WiringError
            When an input that is needed is open.
        NotInstalledError, UnknownError, AmbiguousError
            When the engine of a node cannot be had.
        CudsError
            What a node says of its inputs and options, and an engine of what it cannot express.
        """
        missing = [
            f"{node.name}.{p}" for node in self.nodes.values() for p in self.open(node.name) if node.needs(p.name)
        ]
        if missing:
            raise WiringError(
                f"open inputs: {', '.join(missing)}", hint="give them to add(...), or connect them", open=missing
            )
        for name, node in self.nodes.items():
            node.check(complete=not self.into(name))
        return str(self)

    def __str__(self) -> str:
        lines = [f"wiring {self.name}: {len(self.nodes)} nodes, {len(self.connections)} connections"]
        for node in (self.nodes[name] for name in self.order()):
            lines.append(f"  {node}")
            lines += [f"    {name} given" for name in node.given]
            lines += [f"    seed {node.seed} drawn"] * (node.seed is not None)
            lines += [
                f"    {n} from {c.source.name}.{c.output.name}: {c.carries}" for n, c in self.into(node.name).items()
            ]
            lines += [f"    {port.name} open: {port}" for port in self.open(node.name) if node.needs(port.name)]
        return "\n".join(lines)

    __repr__ = __str__

    def open(self, name: str) -> list[Port]:
        """Return the inputs of a node that were neither given nor connected."""
        return [port for port in self.nodes[name].inputs() if port.name not in self.into(name)]

    def into(self, name: str) -> dict[str, Connection]:
        """Return the connections into a node, by input."""
        return {c.input.name: c for c in self.connections if c.target.name == name}


def _listed(ports: list[Port]) -> str:
    return ", ".join(str(p) for p in ports) or "none"
