"""Folders that may only be read, and links: who may not write still asks, and nothing elsewhere is touched."""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import cuds
from cuds.errors import CudsError, FormatError, StorageError
from tests.stories import difference, whole_story

TITLES = "SELECT ?t WHERE { ?s <http://purl.org/dc/terms/title> ?t } ORDER BY ?t"
_VERSION, _OVERRIDE = 0x20080522, 0b110  # of capset(2); CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


def titles(library: cuds.Library) -> list[str]:
    return [row["t"] for row in library.query(TITLES)]


@contextmanager
def obeying() -> Iterator[None]:
    """Also the superuser may only do what the modes of files allow."""
    libc, header, held = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    before = held[0]
    held[0] &= ~_OVERRIDE
    assert libc.capset(header, held) == 0
    try:
        yield
    finally:
        held[0] = before
        assert libc.capset(header, held) == 0


@contextmanager
def only_read(folder: Path) -> Iterator[None]:
    places = [folder, *folder.rglob("*")]
    modes = {place: place.stat().st_mode for place in places}
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        with obeying():
            yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


@pytest.mark.parametrize("asked", [False, True])
def test_who_may_only_read_asks_all_the_same(tmp_path: Path, asked: bool) -> None:
    folder, story = tmp_path / "library", whole_story()
    with cuds.Library(folder) as library:
        library.put(story, "story")
        assert not asked or titles(library) == ["story"]
    before = sorted(folder.rglob("*"))
    with only_read(folder):
        assert not os.access(folder, os.W_OK) or os.geteuid() == 0
        with cuds.Library(folder) as library:
            assert difference(story, library.get("story")) == ""
            assert titles(library) == ["story"]
            assert [f.name for f in library.find(cuds.Stress)] == ["story"]
            assert library.verify() == []
            for change in (
                lambda: library.put(story, "other"),
                lambda: library.delete("story"),
                lambda: library.purge("story"),
                library.rebuild,
            ):
                with pytest.raises(StorageError):
                    change()
            assert titles(library) == ["story"]
    assert sorted(folder.rglob("*")) == before
    with cuds.Library(folder) as library:
        assert library.put(story, "story").number == 2


def test_an_index_that_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    library = cuds.Library(tmp_path / "library")
    library.put(whole_story(), "story")
    (library.folder / "index").mkdir()
    with only_read(library.folder / "index"):
        assert titles(library) == ["story"]
        assert library.put(whole_story(), "more").number == 1
        assert titles(library) == ["more", "story"]


def test_links_lead_nobody_out_of_the_folder_when_things_are_removed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / "deep").mkdir(parents=True)
    (mine / "deep" / "thesis.txt").write_text("mine")
    library = cuds.Library(tmp_path / "library")
    library.put(whole_story(), "story")
    for place in ("sets/linked", "writing/linked", "index/linked"):
        (library.folder / place).parent.mkdir(exist_ok=True)
        (library.folder / place).symlink_to(mine)
    library = cuds.Library(library.folder)
    assert titles(library) == ["story"]
    library.rebuild()
    assert {d.path.name for d in library.verify()} == {"deep"}, "what is linked there is no version"
    library.purge("story")
    assert (mine / "deep" / "thesis.txt").read_text() == "mine"


def test_a_version_that_is_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    library = cuds.Library(tmp_path / "library")
    story = whole_story()
    library.put(story, "story")
    (place,) = library.folder.glob("sets/story/*")
    elsewhere = Path(shutil.move(place, tmp_path / "elsewhere.h5md"))
    place.symlink_to(elsewhere)
    assert difference(story, library.get("story")) == ""
    library.purge("story")
    assert elsewhere.exists()
    (secret := tmp_path / "secret").write_text("secret")
    (library.folder / "sets" / "x").mkdir()
    (library.folder / "sets" / "x" / "1.h5md").symlink_to(secret)
    with pytest.raises(FormatError) as said:
        library.get("x")
    assert "secret" not in str(said.value).replace(str(secret), "")
    (library.folder / "sets" / "loop").symlink_to(library.folder / "sets" / "loop")
    with pytest.raises(CudsError):
        library.get("loop")
    with pytest.warns(UserWarning, match="'x' cannot be read"):
        assert titles(library) == []
