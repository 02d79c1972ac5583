"""The house rules that no linter holds."""

import ast
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[1]
CODE = sorted([*ROOT.glob("cuds/**/*.py"), *ROOT.glob("wrappers/**/*.py")])
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
NOTHING_NAMES = {"utils", "helpers", "common", "manager", "misc", "base"}


def lines(path: Path) -> int:
    return path.read_text().count("\n")


def test_files_are_short_and_named_for_what_they_do() -> None:
    assert {str(p): lines(p) for p in CODE if lines(p) > 400} == {}
    assert median(lines(p) for p in CODE) < 140
    assert [str(p) for p in CODE if p.stem in NOTHING_NAMES] == []


def test_functions_are_short() -> None:
    long = {}
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                doc = node.body[0] if ast.get_docstring(node) else None
                length = node.end_lineno - node.lineno + 1
                if doc is not None and doc.end_lineno is not None:
                    length -= doc.end_lineno - doc.lineno + 1
                if length > 60:
                    long[f"{path}:{node.name}"] = length
    assert long == {}


def test_the_top_level_holds_what_has_earned_its_place() -> None:
    known = [
        ".ci",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "cuds",
        "docs",
        "examples",
        "ontology",
    ]
    known += ["pyproject.toml", "scripts", "tests", "wrappers"]
    git = ROOT / ".git"
    ignored = {".venv", ".git", "results", "build", "dist", *(p.name for p in ROOT.glob(".*_cache")), ".hypothesis"}
    assert git.exists()
    assert {p.name for p in ROOT.iterdir()} - ignored <= set(known)


def test_no_room_is_empty() -> None:
    folders = {p.parent for p in CODE}
    assert [str(f) for f in folders if not any(p.stat().st_size > 200 for p in f.glob("*.py"))] == []


def test_wrappers_may_not_import_what_is_above_them() -> None:
    """Every room above `wrapper` stands in the forbidden list of the import rules."""
    rules = CONFIG["tool"]["importlinter"]["contracts"]
    layers = next(r for r in rules if r["type"] == "layers")["layers"]
    above = [room.strip(" ()") for layer in layers[: layers.index("wrapper | store")] for room in layer.split("|")]
    existing = {f"cuds.{room}" for room in above if (ROOT / "cuds" / room).exists()}
    forbidden = next(r for r in rules if r["name"] == "wrappers use the lower core only")["forbidden_modules"]
    assert set(forbidden) == existing


def test_the_layers_are_those_of_the_folders() -> None:
    rooms = {p.stem for p in (ROOT / "cuds").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    layers = next(r for r in CONFIG["tool"]["importlinter"]["contracts"] if r["type"] == "layers")["layers"]
    named = {room.strip(" ()") for layer in layers for room in layer.split("|")}
    assert rooms - {"__init__", "__main__"} <= named


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]), ids=lambda p: p.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(p.name[:4]) for p in (ROOT / "docs" / "decisions").glob("*.md"))
    assert all(b - a == 1 for a, b in pairwise([0, *numbers]))
