"""Topologies that nobody thought of: we read and refuse what grompp reads and refuses."""

import shutil
import tempfile
import warnings
from itertools import product
from pathlib import Path

from hypothesis import given, strategies as st

from cuds.errors import FormatError
from cuds_gromacs.codecs.topology import read_topology
from tests.cuds_gromacs.grompp import RUN, RefusedError, compare, of_text, system

ATOMS = 6
NUMBER = st.sampled_from(["0.1", "0.2", "0.35", "-0.4", "1", "2"])
# Directives of types and of interactions, atoms, numbers of the functions in state A; those that have no state B.
KINDS = [
    ("bondtypes", "bonds", 2, {1: 2, 2: 2, 3: 3, 4: 3, 6: 2, 7: 2}, (4, 7)),
    ("angletypes", "angles", 3, {1: 2, 2: 2, 3: 3, 5: 4, 9: 2}, (3,)),
    ("dihedraltypes", "dihedrals", 4, {1: 3, 2: 2, 3: 6, 4: 3, 5: 4, 9: 3}, ()),
    ("constrainttypes", "constraints", 2, {1: 1, 2: 1}, ()),
    ("pairtypes", "pairs", 2, {1: 2, 2: 5}, (2,)),
]


def some_numbers(draw: st.DrawFn, directive: str, function: int, count: int, one_state: tuple[int, ...]) -> str:
    """Return numbers of state A, at times of B, rarely one too many."""
    if directive == "pairtypes":
        count = 2
    values = [draw(NUMBER) for _ in range(count)]
    if directive.startswith("dihedral") and function in (1, 4, 9):
        values[2] = draw(st.sampled_from(["1", "2", "3"]))
    if function not in one_state and draw(st.integers(0, 4)) == 0:
        values += [draw(NUMBER) for _ in range(count)]
        if directive.startswith("dihedral") and function in (1, 4, 9):
            values[5] = values[2]
    values += ["7"] * (draw(st.integers(0, 999)) == 567)
    return " ".join(values)


@st.composite
def topologies(draw: st.DrawFn) -> str:
    field, body = [], []
    for types, directive, width, functions, one_state in KINDS:
        names = "ABX" if types == "dihedraltypes" else "AB"
        known = []
        field.append(f"[ {types} ]")
        for _ in range(draw(st.integers(0, 9))):
            function = draw(st.sampled_from(list(functions)[: draw(st.integers(1, len(functions)))]))
            known.append(function)
            of = 2 if types == "dihedraltypes" and draw(st.integers(0, 3)) == 0 else width
            group = " ".join(draw(st.sampled_from(names if of == width else "AB")) for _ in range(of))
            numbers = some_numbers(draw, types, function, functions[function], one_state)
            field += [f"{group} {function} {numbers}"] * draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.integers(0, 9)) < 9:  # something for all that there is, so that most lines find numbers
            wide = ["X " * 4] if types == "dihedraltypes" else map(" ".join, product("AB", repeat=width))
            field += [
                f"{group} {f} {some_numbers(draw, types, f, functions[f], one_state)}"
                for group in wide
                for f in dict.fromkeys(known)
                if types != "dihedraltypes" or f in (2, 3, 4)
            ]
        body.append(f"[ {directive} ]")
        for _ in range(draw(st.integers(0, 3))):
            given_ = draw(st.booleans()) or not known
            function = draw(st.sampled_from(list(functions) if given_ else known))
            atoms = " ".join(map(str, draw(st.permutations(range(1, ATOMS + 1)))[:width]))
            numbers = some_numbers(draw, directive, function, functions[function], one_state) if given_ else ""
            body.append(f"{atoms} {function if given_ or function != 1 else ''} {numbers}")
    body += ["[ bonds ]", "1 2 5", "[ exclusions ]", f"{draw(st.integers(1, ATOMS))} {draw(st.integers(1, ATOMS))}"]
    field.append("[ nonbond_params ]")
    for _ in range(draw(st.integers(0, 3))):
        field.append(f"{draw(st.sampled_from('ABC'))} {draw(st.sampled_from('ABC'))} 1 {draw(NUMBER)} 0.5")
    text = system(
        "\n".join(body),
        field="\n".join(field),
        types="".join(draw(st.sampled_from("AB")) for _ in range(ATOMS)),
        rule=draw(st.integers(1, 3)),
        pairs=draw(st.sampled_from(["yes", "no"])),
        nrexcl=draw(st.integers(0, 4)),
    )
    if draw(st.integers(0, 3)) == 0:
        lines = text.splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("2 ") and " 1 M " in line)
        text = "\n".join([*lines[:at], f"{lines[at]} 0.1 12 {draw(st.sampled_from('AB'))}", *lines[at + 1 :]]) + "\n"
    return text


@given(topologies())
def test_any_topology_is_read_or_refused_as_grompp_does(text: str) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dump = of_text(text, folder, 2 * ATOMS, RUN)
            except RefusedError as refused:
                try:
                    read_topology(folder / "topol.top")
                except FormatError:
                    return
                raise AssertionError(f"{text}\n{refused}") from None
            compare(read_topology(folder / "topol.top"), dump)
    finally:
        shutil.rmtree(folder)
