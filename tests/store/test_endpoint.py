"""A library whose index lies at a SPARQL endpoint: others may ask there, and the files stay the truth."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

import cuds
from cuds.errors import InvalidError, StorageError
from cuds.store.sparql import Endpoint
from tests.store.conftest import Server
from tests.store.test_processes import other, said, started, writer
from tests.stories import whole_story

TITLES = "SELECT ?t WHERE { ?s <http://purl.org/dc/terms/title> ?t } ORDER BY ?t"


def steel(label: str = "steel") -> cuds.ElasticTensor:
    return cuds.ElasticTensor.isotropic("200 GPa", 0.3, label=label)


def titles(asked: cuds.Library | str) -> list[str]:
    """What a library says, or who asks the server without cuds."""
    if isinstance(asked, cuds.Library):
        return [row["t"] for row in asked.query(TITLES)]
    return [row["t"].value for row in Endpoint(asked).rows(TITLES)]


def test_others_ask_the_server_itself(tmp_path: Path, server: str) -> None:
    library = cuds.Library(tmp_path / "library", endpoint=server)
    library.put(steel())
    library.put(whole_story(), "story")
    assert titles(server) == ["steel", "story"], "whoever puts tells it"
    library.delete("steel")
    assert titles(server) == ["story"]
    assert not (library.folder / "index").exists()
    assert library.verify() == []


def test_what_others_keep_at_the_endpoint_stays(tmp_path: Path, server: str) -> None:
    theirs = ox.Quad(ox.NamedNode("urn:x"), ox.NamedNode("urn:y"), ox.Literal("theirs"), ox.NamedNode("urn:z"))
    Endpoint(server).extend([theirs])
    library = cuds.Library(tmp_path / "library", endpoint=server)
    library.put(steel())
    library.rebuild()
    library.purge("steel")
    assert list(Endpoint(server).quads_for_pattern(None, None, None, ox.NamedNode("urn:z"))) == [theirs]
    assert titles(server) == []


def test_the_index_of_another_library_is_not_overwritten(tmp_path: Path, server: str) -> None:
    cuds.Library(tmp_path / "one", endpoint=server).put(steel())
    with pytest.raises(InvalidError, match="holds the index of another library"):
        cuds.Library(tmp_path / "two", endpoint=server).find(cuds.ElasticTensor)
    assert titles(server) == ["steel"]


def test_who_has_only_the_files_is_caught_up_with(tmp_path: Path, server: str) -> None:
    folder = tmp_path / "library"
    library = cuds.Library(folder, endpoint=server)
    library.put(steel())
    other(folder, "library.put(library.get('steel'), 'second'); library.delete('steel')")
    assert titles(server) == ["steel"]
    assert titles(library) == titles(server) == ["second"]
    Endpoint(server).update("DROP ALL")
    library.close()
    assert titles(library) == titles(server) == ["second"], "and who asks finds it empty fills it"


def test_two_writers_leave_the_newest_at_the_endpoint(tmp_path: Path, server: str) -> None:
    folder = tmp_path / "library"
    both = [started(writer(folder, who, 0, server, 15)) for who in "ab"]
    told = [entry for process in both for entry in said(process)]
    assert [p.returncode for p in both] == [0, 0]
    newest: dict[str, tuple[int, str]] = {}
    for name, number, label in told:
        newest[name] = max(newest.get(name, (0, "")), (number, label))
    library = cuds.Library(folder, endpoint=server)
    found = {f.name: (f.version, f.entity.label) for f in library.find(cuds.Strain)}
    assert found == newest
    assert library.verify() == []


def test_a_server_that_is_gone_loses_nothing(tmp_path: Path) -> None:
    server = Server()
    try:
        library = cuds.Library(tmp_path / "library", endpoint=server.url)
        library.put(steel())
        server.kill()
        with pytest.warns(UserWarning, match="kept, but the endpoint was not told: .*no answer"):
            library.put(whole_story(), "story")
        with pytest.raises(StorageError, match="no answer"):
            library.find(cuds.ElasticTensor)
        assert len(library.get("story")) == len(whole_story())
        server.start()
        assert titles(library) == titles(server.url) == ["steel", "story"]
    finally:
        server.kill()


@pytest.mark.parametrize("url", ["file:///etc", "localhost:7878", "ftp://x", "http://", ""])
def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidError, match="endpoint"):
        Endpoint(url)


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server of other things, which notes what it was asked."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(404 if "update" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_server_of_other_things_is_a_clear_error(tmp_path: Path, stranger: str) -> None:
    library = cuds.Library(tmp_path / "library", endpoint=stranger)
    with pytest.warns(UserWarning, match="kept, but the endpoint was not told"):
        library.put(steel())
    with pytest.raises(StorageError, match="no results of SPARQL"):
        library.query(TITLES)
    with pytest.raises(StorageError, match="/update: 404: <html>hello"):
        Endpoint(stranger).update("DROP ALL")
    assert library.get("steel").label == "steel"
