"""Potential files: which form a file's content is the parameters of, and for which elements."""

from collections.abc import Sequence
from functools import lru_cache

from cuds.codecs.potential_formats import READERS, Lines, Recognised, by_name
from cuds.errors import AmbiguousError, FormatError, InvalidError, did_you_mean
from cuds.model.potential import ParameterFile, PotentialTerm
from cuds.semantics.dictionary import Form, dictionary, form


@lru_cache(maxsize=8)  # a file is asked about some times in a row, and takes a tenth of a second
def recognise(content: bytes) -> tuple[Recognised, ...]:
    """Return every format that the content fits."""
    lines = Lines(content.decode("latin-1").split("\n"))
    return tuple(found for reader in READERS for found in reader(lines))


def forms_of(content: bytes, name: str = "") -> dict[str, Recognised]:
    """Return every functional form whose parameters a file can be; with its name, those that are meant."""
    found = {r.format: r for r in recognise(content)}
    meant = by_name(name, found) if name else found
    return {n: found[form(n).format] for n in dictionary()["forms"] if form(n).format in meant}


def chosen(name: str, content: bytes, wanted: str = "") -> tuple[Form, Recognised]:
    """Return the form of which a file is the parameters.

    Parameters
    ----------
    name : str
        What the file is called.
    content : bytes
        All of it.
    wanted : str
        The functional form, where the content fits several.

    Raises
    ------
    FormatError
        When the content fits no known format, or not that of the form.
    AmbiguousError
        When it fits several and none was named.
    """
    forms = forms_of(content, "" if wanted else name)
    if wanted and wanted not in forms:
        raise FormatError(
            f"form: {wanted!r} is a {form(wanted).format} file, which {name} is not",
            hint=_seen(forms),
            field="form",
            form=wanted,
        )
    second = {form(n).companion: n for n in dictionary()["forms"]}
    for found in recognise(content) if not forms else ():
        if found.format in second:
            raise FormatError(
                f"{name}: the second file of a {second[found.format]} potential",
                hint=f"give the first before it: cuds.potential('...', {name!r})",
                field="potential",
            )
    if not forms:
        raise FormatError(
            f"{name}: the content is no potential file that cuds knows", hint=_seen({}), field="potential"
        )
    if len(forms) > 1 and not wanted:
        raise AmbiguousError(
            f"{name}: the content fits {', '.join(forms)}", hint=f"say which: form={next(iter(forms))!r}", field="form"
        )
    only = wanted or next(iter(forms))
    return form(only), forms[only]


def term(files: Sequence[ParameterFile], wanted: str = "", elements: Sequence[str] = ()) -> PotentialTerm:
    """Return the potential term whose parameters are a file, or two.

    Parameters
    ----------
    files : sequence of ParameterFile
        The one that says the form comes first.
    wanted : str
        The functional form, where the content fits several.
    elements : sequence of str
        Which of the file's elements are meant, where it is a library, or which ones the file is for, where it does
        not name them; in the order in which a second file counts them.

    Raises
    ------
    FormatError, AmbiguousError
        As `chosen`; and when the second file is missing, too much, or of another format.
    InvalidError
        When the elements are not said, or are none of the file.
    """
    first = files[0]
    found, recognised = chosen(first.name, first.content, wanted)
    _check_companion(found, files)
    return PotentialTerm(
        form=found.name,
        files=tuple(files),
        elements=_elements(first.name, recognised, tuple(elements)),
        unit_set=unit_set(first.content),
    )


def _check_companion(found: Form, files: Sequence[ParameterFile]) -> None:
    names = [f.name for f in files]
    if len(files) != (2 if found.companion else 1):
        needed = f"a second one of format {found.companion}" if found.companion else "one file"
        raise FormatError(
            f"{names[0]}: {found.name} needs {needed}, not {len(files)} files",
            hint=f"cuds.potential({names[0]!r}{', ...' if found.companion else ''})",
            field="potential",
        )
    for other in files[1:]:
        if found.companion not in [r.format for r in recognise(other.content)]:
            raise FormatError(
                f"{other.name}: the content is no {found.companion} file",
                hint=f"{found.name} needs one beside {names[0]}",
                field="potential",
            )


def _elements(name: str, recognised: Recognised, asked: tuple[str, ...]) -> tuple[str, ...]:
    known = recognised.elements
    if not asked and (recognised.library or not known):
        many = f"describes {len(known)} elements" if known else "does not name its element"
        raise InvalidError(
            f"elements: {name} {many}",
            hint="say which, in the order of the second file if there is one: elements=['Si']",
            field="elements",
        )
    for element in asked:
        if known and element not in known:
            raise InvalidError(
                f"elements: {element!r} is not in {name}", hint=did_you_mean(element, known), field="elements"
            )
    return asked or known


def _seen(forms: dict[str, Recognised]) -> str:
    known = ", ".join(f"{n} ({f['format']})" for n, f in dictionary()["forms"].items())
    return f"it fits {', '.join(forms)}" if forms else f"known forms and formats: {known}"


def unit_set(content: bytes) -> str:
    """Return the unit set that the first line states; files that state none are in metal units."""
    words = content.split(b"\n", 1)[0].decode("latin-1").split()
    return words[words.index("UNITS:") + 1] if "UNITS:" in words[:-1] else "metal"
