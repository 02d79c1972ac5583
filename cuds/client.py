"""A library that a service keeps, used as one in a folder is: the same calls, the same errors.

    library = cuds.connect("https://example.org", key="cuds_...")
    library.find(cuds.ElasticTensor, material="Cu", C11=(">", "160 GPa"))
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from cuds import errors
from cuds.errors import CudsError, InvalidError, StaleError, StorageError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.registry import require
from cuds.store.protocol import Findings, Found, Rows, Version, Versions, named
from cuds.units import Quantity

HDF5 = "application/x-hdf5"
_TRIPLES = "application/n-triples"
_SOLUTIONS = "application/sparql-results+json"
_CHUNK = 1 << 20  # bytes
_TRIES = 20  # to put a version after the newest, while others do so too
_ENVIRONMENT = "CUDS_KEY"


def connect(url: str, *, key: str = "", timeout: float = 60.0) -> "Remote":
    """Return the library behind a service.

    Parameters
    ----------
    url : str
        Of the service: ``cuds serve`` prints it.
    key : str
        An API key, or a token of OIDC; the environment variable CUDS_KEY when none is given.
    timeout : float
        Seconds without a word after which an answer is no longer awaited.

    Raises
    ------
    StorageError
        When nobody answers there.
    UnauthorisedError
        When the key is not known.
    """
    library = Remote(url, key=key, timeout=timeout)
    library.ready()
    return library


class Remote:
    """Data sets at a service.

    Parameters
    ----------
    url, key, timeout
        See `connect`.
    """

    def __init__(self, url: str, *, key: str = "", timeout: float = 60.0) -> None:
        self._http = require("httpx2", "HTTP")
        self.url = url.rstrip("/")
        key = key or os.environ.get(_ENVIRONMENT, "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._client = self._http.Client(base_url=self.url, headers=headers, timeout=timeout)
        except (ValueError, self._http.InvalidURL) as error:
            raise InvalidError(f"url: {url!r}: {error}", hint="like http://127.0.0.1:8000", field="url") from None

    def ready(self) -> None:
        """Ask for nothing, to see whether the service is there and knows the key."""
        self._asked("GET", "/datasets", params={"limit": 1})

    def put(self, data: DataSet | Entity, name: str = "", *, expected: int | None = None) -> Version:
        """Keep a data set as the newest version of a name; its label when none is given.

        Parameters
        ----------
        data : DataSet or Entity
            What it refers to comes along.
        name : str
            Its label when none is given.
        expected : int, optional
            The number of the version that must be the newest; 0 when there must be none.

        Raises
        ------
        InvalidError
            When it has no name, or holds what cannot be written.
        StaleError
            When another version is the newest.
        ForbiddenError
            When the key may not write it.
        """
        from cuds.codecs import hdf5

        whole, called = named(data, name)
        with tempfile.TemporaryDirectory(prefix="cuds-") as folder:
            return self.adopt(hdf5.write(whole, Path(folder) / "set.h5md"), called, expected=expected)

    def adopt(self, file: Path, name: str, *, expected: int | None = None) -> Version:
        """Keep a file that holds a data set as the newest version of a name; see `put`."""
        length = {"Content-Type": HDF5, "Content-Length": str(file.stat().st_size)}
        return self._written(name, expected, lambda condition: self._send(file, name, {**length, **condition}))

    def _send(self, file: Path, name: str, headers: Mapping[str, str]) -> Any:
        return self._asked("PUT", _place(name), headers=headers, content=_pieces(file))

    def put_graph(self, name: str, graph: Any, *, expected: int | None = None) -> Version:
        """Keep a graph: one of any kind under its IRI, or another meaning of the numbers of a data set.

        Parameters
        ----------
        name : str
            An IRI, or the name of a data set.
        graph : rdflib.Graph or bytes
            What is said; N-Triples where it is bytes.
        expected : int, optional
            See `put`.
        """
        text = graph if isinstance(graph, bytes) else graph.serialize(format="nt", encoding="utf-8")

        def send(condition: Mapping[str, str]) -> Any:
            return self._asked("PUT", _place(name), headers={"Content-Type": _TRIPLES, **condition}, content=text)

        return self._written(name, expected, send)

    def get(self, name: str, version: int | None = None) -> DataSet:
        """Return a data set; the newest version when none is given.

        It is fetched into a file that goes when nothing of it is used any more; long arrays are read where they are
        touched.

        Raises
        ------
        UnknownError
            When there is no such data set or version, or the key may not read it.
        """
        from cuds.codecs import hdf5

        with tempfile.TemporaryDirectory(prefix="cuds-") as folder:
            file = Path(folder) / "set.h5md"
            with self._streamed(_place(name), headers={"Accept": HDF5}, params=_of(version)) as answer:
                with file.open("wb") as into:
                    for piece in answer.iter_raw(_CHUNK):
                        into.write(piece)
            return hdf5.read(file)

    def delete(self, name: str, *, expected: int | None = None) -> Version:
        """Make a version that says that there is nothing; earlier ones stay."""
        return self._written(name, expected, lambda condition: self._asked("DELETE", _place(name), headers=condition))

    def list(self) -> Versions:
        """Return the newest version of every data set that is there, by name."""
        return [_version(row) for row in self._pages({})]

    def versions(self, name: str) -> Versions:
        """Return all versions of a name, the first one first."""
        return [_version(row) for row in self._asked("GET", f"{_place(name)}/versions").json()["versions"]]

    def graph(self, name: str, version: int | None = None) -> Any:
        """Return the graph of a data set, as one of rdflib; none of its numbers is fetched."""
        from rdflib import Graph

        answer = self._asked("GET", _place(name), headers={"Accept": _TRIPLES}, params=_of(version))
        return Graph().parse(data=answer.content, format="nt")

    def query(self, sparql: str, *, timeout: float = 60.0) -> Rows:
        """Return the solutions of a SPARQL SELECT over the newest versions, a mapping each.

        Raises
        ------
        InvalidError
            When the query cannot be read, is no SELECT, or takes longer.
        """
        from cuds.semantics.asking import solutions

        headers = {"Content-Type": "application/sparql-query", "Accept": _SOLUTIONS}
        answer = self._asked("POST", "/sparql", headers=headers, content=sparql.encode(), params={"timeout": timeout})
        return solutions(answer.content)

    def update(self, sparql: str) -> None:
        """Change graphs by a SPARQL 1.1 Update: all that it says, or nothing.

        Raises
        ------
        InvalidError
            When it cannot be read, or a graph would no longer be what it must be.
        ForbiddenError
            When the key may not write one of the graphs.
        """
        headers = {"Content-Type": "application/sparql-update"}
        self._asked("POST", "/sparql", headers=headers, content=sparql.encode())

    def find(self, kind: Any, **conditions: Any) -> Findings:
        """Return the entities of a class that fulfil conditions; see `Library.find`."""
        params = [("class", kind if isinstance(kind, str) else kind.__name__)]
        params += [(name, text) for name, value in conditions.items() for text in _texts(name, value)]
        rows = self._pages(params)
        return [
            Found(row["name"], row["version"], found["id"], found["class"], found["values"], self)
            for row in rows
            for found in row["found"]
        ]

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def __enter__(self) -> "Remote":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.list())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._newest(name) is not None

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"
