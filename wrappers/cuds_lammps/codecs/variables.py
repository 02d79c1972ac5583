"""Variables of a script: which formulas are arithmetic, and so may be given to LAMMPS."""

import re

from cuds_lammps.codecs.script import Statement

_STYLES = ("index", "loop", "string", "equal", "delete")
_FUNCTIONS = {
    *("sqrt", "exp", "ln", "log", "abs", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "ceil", "floor"),
    *("round", "sign", "ternary", "PI", "e", "E", "lx", "ly", "lz", "xlo", "xhi", "ylo", "yhi", "zlo", "zhi"),
}
_NUMBER = re.compile(r"(?<![A-Za-z_\w])(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_NEVER = {
    "file": "it reads a file",
    "atomfile": "it reads a file",
    "getenv": "it reads the environment",
    "python": "it runs a program",
    "shell": "it runs a program",
    "world": "it belongs to several partitions",
    "universe": "it belongs to several partitions",
    "uloop": "it belongs to several partitions",
}


def arithmetic(formula: str) -> bool:
    """Whether a formula has numbers, other variables, arithmetic and edges of the box, and nothing else."""
    if not re.fullmatch(r"[\w\s.+\-*/^(),<>=!&|%]*", formula):
        return False
    names = _NAME.findall(_NUMBER.sub("0", formula))
    return all(n in _FUNCTIONS or n.startswith("v_") for n in names)


def defines(statement: Statement, words: list[str]) -> bool:
    """Whether a definition may be given to LAMMPS; one that computes from a running system is left out.

    Raises
    ------
    UnsupportedError
        For a style that reads files or runs programs.
    """
    if len(words) < 3:
        raise statement.broken("a variable without a style")
    style = words[2]
    if style in _NEVER:
        raise statement.refused(_NEVER[style], "write its value into the script: variable NAME index VALUE")
    if style == "equal":
        return arithmetic(" ".join(words[3:]))
    return style in _STYLES


def refuse_immediate(statement: Statement) -> None:
    r"""Refuse ``$(...)`` that is more than arithmetic."""
    text = statement.text
    for match in re.finditer(r"\$\(", text):
        depth, end = 1, match.end()
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        inside = text[match.end() : end - 1]
        formula = re.sub(r":%[\d.]*[a-zA-Z]+$", "", inside)
        if not arithmetic(re.sub(r"\$\{\w+\}|\$\w", "0", formula)):
            raise statement.refused(f"$({inside}) is more than arithmetic", "write the number itself")
