"""Drawings of a wiring: every node and every connection is in them, nothing lies on anything, no name is markup."""

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import ase.build
import pytest

import cuds
from cuds.errors import FormatError

EAM = cuds.potential("Cu_mishin1.eam.alloy")
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a"]; click n0 <script>alert(1)<&gt; & #quot;'


def wired(last: str = "body") -> cuds.Wiring:
    """A chain of three with an edge that passes its middle, and one beside it."""
    copper = cuds.ParticleSystem.from_ase(ase.build.bulk("Cu", cubic=True))
    w = cuds.Wiring("there & back")
    first = w.add("relaxed", cuds.EnergyMinimisation, engine="lammps", system=copper, potential=EAM)
    tensor = w.add("tensor", cuds.Derive(cuds.ElasticTensor), engine="ase", potential=EAM)
    down = w.add("down", cuds.Derive(cuds.Stress), engine="ase", potential=EAM)
    job = w.add(last, cuds.LinearElasticity, engine="skfem")
    strain = w.add("strain", cuds.Derive(cuds.Strain))
    w.connect(first, tensor)
    w.connect(tensor, job)
    w.connect(job, strain)
    w.connect(strain, down)
    w.connect(first, down)
    return w


def test_mermaid_has_every_node_and_connection() -> None:
    w = wired()
    first, *lines = w.mermaid().splitlines()
    assert first == "flowchart LR"
    nodes = [re.fullmatch(r'  (n\d)\["(.*)"\]', line) for line in lines if "-->" not in line]
    assert [m and m[2].split("<br/>")[0] for m in nodes] == list(w.nodes)
    edges = [re.fullmatch(r'  (n\d) -- "(.*)" --> (n\d)', line) for line in lines if "-->" in line]
    assert all(edges)
    number = {name: f"n{i}" for i, name in enumerate(w.nodes)}
    assert {(m[1], m[3]) for m in edges if m} == {(number[c.source.name], number[c.target.name]) for c in w.connections}
    assert "ElasticTensor" in w.mermaid()
    assert "by lammps" in w.mermaid()


def test_no_name_becomes_markup(tmp_path: Path) -> None:
    w = wired(HOSTILE)
    plain = re.sub(r"<br/>|#\d+;", "", w.mermaid())
    assert not set("<>&;#'") & set(plain.replace("-->", ""))
    assert all(line.count('"') == 2 for line in w.mermaid().splitlines()[1:])
    root = ET.parse(w.picture(tmp_path / "w.svg")).getroot()
    assert HOSTILE in {t.text for t in root.iter(f"{SVG}text")}
    assert not list(root.iter(f"{SVG}script"))


def boxes(root: ET.Element) -> list[tuple[float, float, float, float]]:
    """Left, right, top and bottom of each node and of each label."""
    found = []
    for r in root.iter(f"{SVG}rect"):
        if r.get("class") != "back":
            x, y, width, height = (float(r.attrib[n]) for n in ("x", "y", "width", "height"))
            found.append((x, x + width, y, y + height))
    return found


def test_in_a_picture_nothing_lies_on_anything(tmp_path: Path) -> None:
    w = wired()
    root = ET.parse(w.picture(tmp_path / "w.svg")).getroot()
    found = boxes(root)
    pairs = {(c.source.name, c.target.name) for c in w.connections}
    assert len(found) == len(w.nodes) + len(pairs)
    assert len(list(root.iter(f"{SVG}path"))) == len(pairs)
    for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(found, 2):
        assert r1 <= l2 or r2 <= l1 or b1 <= t2 or b2 <= t1
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(left >= 0 and right <= width and top >= 0 and bottom <= height for left, right, top, bottom in found)
    titles = {t.text: float(t.attrib["x"]) for t in root.iter(f"{SVG}text") if t.get("class") == "name"}
    assert set(titles) == set(w.nodes)
    assert all(titles[a] < titles[b] for a, b in pairs), "from left to right"
    assert w._repr_html_() == (tmp_path / "w.svg").read_text()


def test_other_formats_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"w\.png: wirings are drawn as SVG"):
        wired().picture(tmp_path / "w.png")
    assert not list(tmp_path.iterdir())


def test_an_empty_wiring_is_drawn(tmp_path: Path) -> None:
    assert cuds.Wiring("x").mermaid() == "flowchart LR\n"
    assert not boxes(ET.parse(cuds.Wiring("x").picture(tmp_path / "x.svg")).getroot())
