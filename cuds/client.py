"""A library that a service keeps, used as one in a folder is: the same calls, the same errors.

library = cuds.connect("https://example.org", key="cuds_...")
library.find(cuds.ElasticTensor, material="Cu", C11=(">", "160 GPa"))
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cuds import errors
from cuds.errors import CudsError, InvalidError, StaleError, StorageError
from cuds.model.dataset import DataSet
from cuds.model.entity import Entity
from cuds.registry import require
from cuds.store.naming import called, named
from cuds.store.protocol import Closing, Findings, Found, Rows, Version, Versions, Write, Writes
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
    try:
        library.ready()
    except BaseException:
        library.close()
        raise
    return library


class Remote(Closing):
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
            how = {"headers": {"Accept": HDF5}, "params": _of(version)}
            with self._streamed("GET", _place(name), **how) as answer, file.open("wb") as into:
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
        return [_version({"name": called(name), **row}) for row in self._written_of(name)]

    def history(self, name: str) -> Writes:
        """Return who wrote which version of a name, when and how, the first one first."""
        return [
            Write(row["version"], row["by"], datetime.fromisoformat(row["at"]), row["how"], row["after"])
            for row in self._written_of(name)
        ]

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
        import pyoxigraph

        from cuds.semantics.asking import rows

        headers = {"Content-Type": "application/sparql-query", "Accept": _SOLUTIONS}
        answer = self._asked("POST", "/sparql", headers=headers, content=sparql.encode(), params={"timeout": timeout})
        found = pyoxigraph.parse_query_results(answer.content, format=pyoxigraph.QueryResultsFormat.JSON)
        return rows(found, sparql)

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

    def __len__(self) -> int:
        return len(self.list())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._newest(name) is not None

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"

    # --- requests ---

    def _written(self, name: str, expected: int | None, send: Any) -> Version:
        """Send what makes a version; unless the user expects one, after whichever is the newest."""
        for left in reversed(range(_TRIES if expected is None else 1)):
            newest = self._newest(name)
            number = newest[0] if newest else 0
            if expected is not None and number != expected:
                raise StaleError(
                    f"data set {name!r}: version {number or 'none'} is the newest, not {expected or 'none'}",
                    hint="get it again, and change that",
                    name=name,
                )
            try:
                answer = send({"If-Match": newest[1]} if newest else {"If-None-Match": "*"})
            except StaleError:
                if not left:
                    raise
                continue
            return Version(name, int(answer.headers["cuds-version"]), deleted=answer.request.method == "DELETE")
        raise AssertionError("it was tried at least once")

    def _written_of(self, name: str) -> Any:
        return self._asked("GET", f"{_place(name)}/versions").json()["versions"]

    def _newest(self, name: str) -> tuple[int, str] | None:
        """Return the number and the ETag of the newest version; None when there is none."""
        try:
            answer = self._asked("HEAD", _place(name), headers={"Accept": "application/json"})
        except errors.UnknownError:
            return None
        return int(answer.headers["cuds-version"]), str(answer.headers["etag"])

    def _pages(self, params: Any) -> Iterator[dict[str, Any]]:
        said = self._asked("GET", "/datasets", params=params).json()
        yield from said["datasets"]
        while "next" in said:
            said = self._asked("GET", said["next"]).json()
            yield from said["datasets"]

    def _asked(self, method: str, place: str, **more: Any) -> Any:
        with self._streamed(method, place, **more) as answer:
            answer.read()
            return answer

    @contextmanager
    def _streamed(self, method: str, place: str, **more: Any) -> Iterator[Any]:
        try:
            with self._client.stream(method, place, **more) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise _error(answer, f"{method} {self.url}{place}")
                yield answer
        except self._http.HTTPError as error:
            raise StorageError(
                f"{self.url}: {type(error).__name__}: {error}", hint="is a service there? cuds serve starts one"
            ) from error


def _place(name: str) -> str:
    return f"/datasets/{quote(name, safe='')}"


def _of(version: int | None) -> dict[str, int]:
    return {} if version is None else {"version": version}


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            yield piece


def _version(row: Mapping[str, Any]) -> Version:
    known = ("name", "deleted", "bytes", "written", "plain")
    return Version(number=row["version"], **{n: row[n] for n in known if n in row})


def _texts(name: str, value: Any) -> list[str]:
    """Return conditions as they stand in an address: ``>160 GPa``, one for each comparison."""
    if isinstance(value, list):
        return [text for one in value for text in _texts(name, one)]
    compared = isinstance(value, tuple) and len(value) == 2 and value[0] in _COMPARED
    operator, wanted = value if compared else ("==", value)
    return [operator + _text(name, wanted)]


_COMPARED = ("<", "<=", ">", ">=", "==", "!=")


def _text(name: str, value: Any) -> str:
    """Return a value as it stands in an address; what is quoted is text there."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Quantity) and not value.shape:
        value = f"{float(value.value)!r} {value.unit}"
    elif isinstance(value, tuple) and len(value) == 2:
        value = f"{value[0]!r} {value[1]}"
    elif isinstance(value, Entity):
        value = f"sha256:{value.digest}"
    if not isinstance(value, str):
        raise InvalidError(
            f"{name}: {value!r} cannot be sent", hint="give a number, text, or one with a unit", field=name
        )
    return f'"{value}"'


_BY_SLUG = {cls.slug: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, CudsError)}
_RESERVED = {"type", "title", "status", "detail", "hint", "instance"}


def _error(answer: Any, asked: str) -> CudsError:
    """Return the error that a problem document tells, as local use would have raised it."""
    try:
        said = answer.json()
        slug, detail = str(said["type"]).rpartition("/")[2], str(said["detail"])
        more = {n: v for n, v in said.items() if n not in _RESERVED and n.isidentifier()}
    except (ValueError, KeyError, TypeError):
        status = f"{answer.status_code} {answer.reason_phrase}"
        if answer.status_code == 404:
            return errors.UnknownError(f"{asked}: {status}", hint="is it there?")
        return StorageError(f"{asked}: {status}", hint="is this a service of cuds?", status=answer.status_code)
    cls = _BY_SLUG.get(slug) or (InvalidError if answer.status_code < 500 else StorageError)
    return cls(detail, hint=str(said.get("hint", "")), **more)
