"""A library whose files, journal or index are not as they were left: a clear error, and the rest as it was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cuds
from cuds.errors import FormatError, InvalidError, StorageError, UnknownError
from cuds.store.shelf import Shelf
from tests.stories import brick, difference, moving_story, whole_story

TITLES = "SELECT ?t WHERE { ?s <http://purl.org/dc/terms/title> ?t } ORDER BY ?t"


@pytest.fixture
def library(tmp_path: Path) -> cuds.Library:
    found = cuds.Library(tmp_path / "library")
    found.put(whole_story(), "story")
    found.put(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel"))
    return found


def titles(library: cuds.Library) -> list[str]:
    return [row["t"] for row in library.query(TITLES)]


def test_a_folder_of_other_things_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidError, match="is no library: it holds other things"):
        cuds.Library(tmp_path)
    with pytest.raises(InvalidError, match="is no library"):
        cuds.Library(tmp_path / "thesis.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_library_of_another_layout_is_refused(library: cuds.Library) -> None:
    marker = library.folder / "library.json"
    marker.write_text('{"layout": 99}')
    with pytest.raises(FormatError, match="layout is 99"):
        cuds.Library(library.folder)
    marker.write_text("{")
    with pytest.raises(FormatError, match="damaged"):
        cuds.Library(library.folder)


def test_it_says_what_it_is(library: cuds.Library) -> None:
    assert len(library) == 2
    assert "steel" in library
    assert "iron" not in library
    assert repr(library).endswith("library': 2 data sets)")


def test_what_is_purged_is_gone(library: cuds.Library) -> None:
    library.put(cuds.ElasticTensor.isotropic("210 GPa", 0.3, label="steel"))
    assert titles(library) == ["steel", "story"]
    library.purge("steel")
    assert titles(library) == ["story"]
    assert not (library.folder / "sets" / "steel").exists()
    assert list((library.folder / "writing").iterdir()) == []
    with pytest.raises(UnknownError, match="'steel'"):
        library.purge("steel")
    assert library.put(cuds.ElasticTensor.isotropic("200 GPa", 0.3, label="steel")).number == 1
    assert titles(library) == ["steel", "story"]


# --- files that are damaged, or do not belong there ---


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["numbers"] = np.eye(3)


def no_hdf5(path: Path) -> None:
    path.write_text("these are my notes")


def graph_changed(path: Path) -> None:
    with h5py.File(path, "a") as file:
        graph: Any = file["graph"]
        graph[10] = graph[10] ^ 1


@pytest.mark.parametrize("damage", [cut_off, emptied, foreign, no_hdf5, graph_changed])
@pytest.mark.parametrize("asked", [True, False])
def test_a_damaged_file_is_named_and_the_rest_is_as_it_was(
    library: cuds.Library, damage: Callable[[Path], None], asked: bool
) -> None:
    if asked:
        assert titles(library) == ["steel", "story"]
    damage(library.folder / "sets" / "story" / "1.h5md")
    library.close()
    with pytest.raises(FormatError, match=r"story.1\.h5md"):
        library.get("story")
    with pytest.warns(UserWarning, match=r"'story' cannot be read, and was not asked: .*1\.h5md"):
        assert titles(library) == ["steel"]
    (found,) = library.verify()
    assert found.path.name == "1.h5md"
    assert library.get("steel").label == "steel"
    story = whole_story()
    library.put(story, "story")
    assert difference(story, library.get("story")) == ""
    assert titles(library) == ["steel", "story"], "the newest version is whole"
    assert [d.path.name for d in library.verify()] == ["1.h5md"]


def test_numbers_that_were_changed_are_found(library: cuds.Library) -> None:
    """Where the graph is whole, and the array lies in the file as it was, but for one bit; of a trajectory too."""
    library.put(moving_story(), "moving")
    library.put(cuds.DataSet(brick()), "brick")
    for name, place in (("moving", "particles/argon_2/position/value"), ("brick", "meshes/brick/points")):
        path = library.folder / "sets" / name / "1.h5md"
        with h5py.File(path, "r+") as file:
            numbers: Any = file[place]
            numbers[0, 0] = 1.0625
    titles(library)
    said = {d.path.parent.name: d.says for d in library.verify()}
    assert said.keys() == {"moving", "brick"}
    assert all("not the one that was stored" in text for text in said.values())


def test_what_does_not_belong_there_is_named_and_left(library: cuds.Library) -> None:
    sets = library.folder / "sets"
    (sets / "notes.txt").write_text("mine")
    (sets / "steel" / "copy of 1.h5md").write_bytes(b"mine")
    (sets / "steel" / "01.h5md").write_bytes(b"mine")
    (sets / "steel" / "7.h5md").mkdir()
    assert titles(library) == ["steel", "story"]
    names = {"notes.txt", "copy of 1.h5md", "01.h5md", "7.h5md"}
    assert {d.path.name for d in library.verify()} == names
    assert library.put(whole_story(), "steel").number == 2
    assert (sets / "steel" / "copy of 1.h5md").read_bytes() == b"mine"


def test_a_file_that_was_copied_in_is_found_when_the_library_is_opened(library: cuds.Library) -> None:
    assert titles(library) == ["steel", "story"]
    shutil.copytree(library.folder / "sets" / "steel", library.folder / "sets" / "iron")
    library.close()
    assert titles(library) == ["iron", "steel", "story"]
    shutil.rmtree(library.folder / "sets" / "steel")
    library.close()
    assert titles(library) == ["iron", "story"]
    assert library.verify() == []


# --- the journal ---


@pytest.mark.parametrize("change", ["torn", "foreign", "binary", "removed", "emptied", "replaced"])
def test_a_journal_that_cannot_tell_is_not_needed(library: cuds.Library, change: str) -> None:
    assert titles(library) == ["steel", "story"]
    journal = library.folder / "journal"
    other = cuds.Library(library.folder)
    lines = journal.read_bytes()
    if change == "torn":
        journal.write_bytes(lines + b'["stee')
    elif change == "foreign":
        journal.write_bytes(lines + b"{}\n[1]\n")
    elif change == "binary":
        journal.write_bytes(lines + b"\xff\x00\n")
    elif change == "removed":
        journal.unlink()
    else:
        journal.write_bytes(b"" if change == "emptied" else lines[: len(lines) // 2])
    other.put(cuds.ElasticTensor.isotropic("70 GPa", 0.2, label="glass"))
    library.delete("steel")
    assert titles(library) == ["glass", "story"]
    library.close()
    assert titles(library) == ["glass", "story"]
    assert library.verify() == []


def test_a_torn_line_is_ended_before_the_next(library: cuds.Library) -> None:
    journal = library.folder / "journal"
    journal.write_bytes(journal.read_bytes() + b'"torn')
    library.put(whole_story(), "next")
    assert journal.read_text().splitlines()[-2:] == ['"torn', json.dumps(["next", 1])]


def test_putting_looks_at_as_many_files_whatever_versions_there_are(
    library: cuds.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    look = Shelf._version
    monkeypatch.setattr(Shelf, "_version", lambda self, name, file: looked.append(file) or look(self, name, file))
    data, looks = library.get("steel"), []
    for _ in range(20):
        looked.clear()
        library.put(data, "steel")
        looks.append(len(looked))
    assert looks[1:] == [looks[1]] * 19
    assert len(library.versions("steel")) == 21


# --- the index ---


def index_files(library: cuds.Library) -> list[Path]:
    return sorted(p for p in (library.folder / "index").rglob("*") if p.is_file() and p.name != "lock")


def test_an_index_keeps_no_log_of_each_time_it_was_opened(library: cuds.Library) -> None:
    for _ in range(5):
        assert titles(library) == ["steel", "story"]
        library.close()
    assert len([p for p in index_files(library) if p.name.startswith("LOG")]) <= 2


def test_an_index_that_was_removed_is_made_anew(library: cuds.Library) -> None:
    assert titles(library) == ["steel", "story"]
    library.close()
    shutil.rmtree(library.folder / "index")
    assert titles(library) == ["steel", "story"]
    assert library.verify() == []


@pytest.mark.parametrize("how", ["zeros", "cut off", "missing"])
def test_an_index_that_is_damaged_is_made_anew(library: cuds.Library, how: str) -> None:
    """Each of its files in turn."""
    assert titles(library) == ["steel", "story"]
    library.close()
    for name in [p.relative_to(library.folder) for p in index_files(library)]:
        path = library.folder / name
        if not path.exists():
            continue  # it was renewed with the others
        if how == "zeros":
            path.write_bytes(bytes(path.stat().st_size))
        elif how == "cut off":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            path.unlink()
        assert titles(library) == ["steel", "story"], name
        assert [f.name for f in library.find(cuds.ElasticTensor, C11=(">", "1 GPa"))] == ["steel", "story"], name
        assert library.verify() == [], name
        library.close()


def test_an_index_that_another_program_has_open_is_left_alone(library: cuds.Library) -> None:
    import pyoxigraph

    assert titles(library) == ["steel", "story"]
    library.close()
    (place,) = (p for p in (library.folder / "index").iterdir() if p.is_dir())
    other = pyoxigraph.Store(str(place))
    assert titles(library) == ["steel", "story"]
    assert not library._upkeep.own
    assert len(list(other.named_graphs())) == 3, "and the hidden one"


def test_a_library_that_was_dropped_gives_its_index_up(library: cuds.Library) -> None:
    folder = library.folder
    for _ in range(3):
        assert titles(cuds.Library(folder)) == ["steel", "story"]
    del library
    again = cuds.Library(folder)
    assert titles(again) == ["steel", "story"]
    assert again._upkeep.own


def test_an_index_of_another_layout_is_removed(library: cuds.Library) -> None:
    (library.folder / "index").mkdir(exist_ok=True)
    old = library.folder / "index" / "0-another"
    old.mkdir()
    assert titles(library) == ["steel", "story"]
    assert not old.exists()


def test_an_index_that_was_not_filled_to_the_end_is_not_trusted(
    library: cuds.Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cuds.store import upkeep
    from cuds.store.index import Index

    monkeypatch.setattr(upkeep, "_MANY", 0)
    fill = Index.fill

    def cut(index: Index, several: Any) -> None:
        fill(index, list(several)[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(Index, "fill", cut)
    with pytest.raises(KeyboardInterrupt):
        titles(library)
    monkeypatch.setattr(Index, "fill", fill)
    library.close()
    assert titles(library) == ["steel", "story"]
    assert library.verify() == []
    assert not list((library.folder / "index").glob("*.filling"))


def test_an_index_that_says_something_else_is_found_and_rebuilt(library: cuds.Library) -> None:
    import pyoxigraph

    index = library._upkeep.current()
    lie = pyoxigraph.Quad(
        pyoxigraph.NamedNode("urn:x"), pyoxigraph.NamedNode("urn:x"), pyoxigraph.Literal("lie"),
        pyoxigraph.NamedNode("urn:cuds:dataset:steel"),
    )  # fmt: skip
    index.store.add(lie)
    (found,) = library.verify()
    assert "the index says something else" in found.says
    del index
    library.rebuild()
    assert library.verify() == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written to"):
        cuds.Library(tmp_path / "file" / "library")
