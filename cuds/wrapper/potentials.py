"""Finding potential files: a path, a folder of one's own, or what installed engines bring along."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cuds.codecs.potential_files import chosen, forms_of, recognise, term, unit_set
from cuds.errors import UnknownError, did_you_mean
from cuds.model.potential import ParameterFile, Potential
from cuds.semantics.dictionary import dictionary, engine_words
from cuds.wrapper.discover import wrappers


def folders() -> dict[Path, str]:
    """Return the folders that are searched, in order, each with who offers it."""
    own = [Path(p) for p in os.environ.get("CUDS_POTENTIALS", "").split(os.pathsep) if p]
    found = dict.fromkeys(own, "CUDS_POTENTIALS")
    for name, wrapper in wrappers().items():
        offered = wrapper.describe().potentials
        if offered is not None:
            found.setdefault(offered, name)
    return found


def find(name: str) -> Path:
    """Return the file that a name means: a path, else the first of that name in `folders`.

    Raises
    ------
    UnknownError
        When there is none.
    """
    given = Path(name).expanduser()
    if given.is_file():
        return given
    places = folders()
    if given.name == str(given):
        for folder in places:
            if (folder / name).is_file():
                return folder / name
    known = [f.name for folder in places if folder.is_dir() for f in folder.iterdir() if f.is_file()]
    searched = ", ".join(["the working folder", *(f"{who}" for who in places.values())])
    hint = did_you_mean(name, known) if known else "give a path, or name a folder in CUDS_POTENTIALS"
    raise UnknownError(f"potential: no file {name!r} in {searched}", hint=hint, field="potential", name=name)


def potential(
    name: str | Path,
    *others: str | Path,
    form: str = "",
    elements: Sequence[str] = (),
    species: Mapping[str, str] | None = None,
) -> Potential:
    """Return the potential whose parameters are a file; its format is recognised by content.

    Parameters
    ----------
    name : str or Path
        A path, or a name that is looked up in ``$CUDS_POTENTIALS`` and in what installed engines offer.
    *others : str or Path
        The second file, where a form needs one; the one beside the first that is called like it when not given.
    form : str
        The functional form, needed only where the content fits several.
    elements : sequence of str
        Which elements are meant, where the file is a library or does not name any; in the order in which a second
        file counts them.
    species : mapping of str to str, optional
        Which element of the file a species of the system is, where the names differ.

    Raises
    ------
    UnknownError
        When there is no such file.
    FormatError, AmbiguousError
        When its content fits no form, or several; when a second file is missing.
    InvalidError
        When elements must be said and are not.

    Examples
    --------
    >>> import cuds
    >>> cuds.potential("Cu_mishin1.eam.alloy")
    Potential(EmbeddedAtomSetfl Cu_mishin1.eam.alloy (Cu; sha256 ...))
    """
    paths = [find(str(n)) for n in (name, *others)]
    if not others:
        paths += _beside(paths[0], form)
    kept = [ParameterFile(name=p.name, content=p.read_bytes()) for p in paths]
    made = term(kept, form, elements)
    found = Potential(terms=(made,), label=made.name)
    return found.with_species(**species) if species else found


def _beside(path: Path, wanted: str) -> list[Path]:
    """Return the second file that a form needs, if there is just one beside the first and called like it."""
    companion = chosen(path.name, path.read_bytes(), wanted)[0].companion
    alike = path.parent.glob(f"{path.stem}.*") if companion else ()
    others = [p for p in alike if p != path and p.stem == path.stem]
    found = [p for p in others if companion in [r.format for r in recognise(p.read_bytes())]]
    return found if len(found) == 1 else []


def listing(element: str = "") -> list[dict[str, Any]]:
    """Return the potential files that are found: name, form, format, elements, units, engines, where from, source."""
    found: dict[str, dict[str, Any]] = {}
    for folder, who in folders().items():
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and path.name not in found:
                content = path.read_bytes()
                for name, recognised in forms_of(content, path.name).items():
                    found[path.name] = {
                        "name": path.name,
                        "form": name,
                        "format": recognised.format,
                        "elements": list(recognised.elements),
                        "units": unit_set(content),
                        "engines": [e for e in dictionary()["engines"] if name in engine_words(e).forms],
                        "from": who,
                        "source": citation(content),
                    }
    return [f for f in found.values() if not element or element in f["elements"]]


def citation(content: bytes) -> str:
    """Return the citation that the first line gives, else that line."""
    line = content.split(b"\n", 1)[0].decode("latin-1").strip("# \r")
    _, cited, citation = line.partition("CITATION:")
    return (citation.strip() if cited else line)[:200]
