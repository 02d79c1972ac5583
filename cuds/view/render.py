"""The process that draws: ``python -m cuds.view.render job.npz picture.png``.

Started by `cuds.view.picture`. It imports nothing of cuds but this file.
"""

import json
import sys
from typing import Any

import numpy as np

_TEXT = "#1a1a1a"
# Colours that differ for every eye (Okabe and Ito, Color Universal Design, 2008), and paler ones.
_MARKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_PARTS = ("#9ecae1", "#fdae6b", "#a1d99b", "#bcbddc", "#fdd835", "#bdbdbd")
_SECOND = 21  # the first of VTK's numbers of cells that may be curved
_LIGHT = {"ambient": 0.35, "diffuse": 0.75}  # faces turned away keep their colour


def _heading(plotter: Any, text: str) -> None:
    plotter.add_text(text, position=(0.06, 0.92), viewport=True, font_size=15, color=_TEXT)


def _bar(title: str) -> dict[str, Any]:
    return {
        "title": title,
        "vertical": False,
        "width": 0.6,
        "height": 0.12,
        "position_x": 0.2,
        "position_y": 0.02,
        "title_font_size": 26,
        "label_font_size": 22,
        "unconstrained_font_size": True,
        "color": _TEXT,
        "fmt": "%.4g",
        "n_labels": 4,
    }


def draw_body(pv: Any, plotter: Any, job: Any, said: dict[str, Any]) -> None:
    """Draw the deformed body in colours, the outline it had, and where it is loaded most."""
    still = pv.UnstructuredGrid(job["cells"], job["types"], job["points"])
    grid = pv.UnstructuredGrid(job["cells"], job["types"], job["points"] + said["factor"] * job["moved"])
    (grid.point_data if said["on"] == "points" else grid.cell_data)[said["title"]] = job["values"]
    outline = still.extract_surface(algorithm="dataset_surface").extract_feature_edges(feature_angle=40)
    plotter.add_mesh(outline, color="#9a9a9a", line_width=2)
    _add_cells(plotter, grid, scalars=said["title"], cmap="viridis", scalar_bar_args=_bar(said["title"]))
    length = float(np.linalg.norm(np.ptp(job["points"], axis=0)))
    row = said["worst_row"]
    nodes = [row] if said["on"] == "points" else grid.get_cell(row).point_ids
    place = grid.points[nodes].mean(axis=0)
    above = np.array([place[0], place[1], grid.bounds[5] + 0.012 * length])
    plotter.add_mesh(pv.Sphere(radius=0.009 * length, center=above), color="#e02020", lighting=False)
    aside = above + np.array([0.02 * length, 0.0, 0.0])
    plotter.add_point_labels(
        [aside],
        [f"most loaded: {said['worst_text']}"],
        font_size=24,
        text_color="#c01010",
        shape="rounded_rect",
        shape_color="white",
        shape_opacity=0.8,
        show_points=False,
        always_visible=True,
    )
    _heading(plotter, f"{said['title'].split(' / ')[0]}, {said['caption']}")
    _look(plotter, said)


def draw_setup(pv: Any, plotter: Any, job: Any, said: dict[str, Any]) -> None:
    """Draw a body with coloured regions, arrows and cones, and a legend that says what they are."""
    grid = pv.UnstructuredGrid(job["cells"], job["types"], job["points"])
    legend = []
    for part in range(-1, len(said["parts"])):
        mine = np.flatnonzero(job["part"] == part)
        colour = _PARTS[part % len(_PARTS)] if part >= 0 else "#e4e4e4"
        if len(mine):
            _add_cells(plotter, grid.extract_cells(mine), color=colour, opacity=0.7)
        if part >= 0:
            legend.append([said["parts"][part], colour])
    for i, text in enumerate(said["marks"]):
        colour = _MARKS[i % len(_MARKS)]
        legend.append([text, colour])
        mark = {key.split()[2]: job[key] for key in job if key.startswith(f"mark {i} ")}
        _add_mark(pv, plotter, mark, job["points"], colour)
    _heading(plotter, f"{said['title']}, {said['caption']}")
    _look(plotter, said)
    plotter.enable_depth_peeling()  # else what is behind shows in front
    if legend:
        plotter.subplot(1)
        high = min(0.06 * len(legend), 0.9)
        plotter.add_legend(legend, border=False, size=(0.95, high), loc="center left", face="rectangle")


def _add_cells(plotter: Any, grid: Any, **look: Any) -> None:
    """Add cells with their edges; those of second order are drawn as curved as they are."""
    look |= _LIGHT
    if grid.celltypes.max() < _SECOND:
        plotter.add_mesh(grid, show_edges=True, edge_color="#00000030", line_width=1, **look)
        return
    plotter.add_mesh(_surface(grid), **look)
    edges = _surface(grid.separate_cells()).extract_feature_edges(feature_angle=30)
    if edges.n_cells:
        plotter.add_mesh(edges, color="#000000", opacity=0.2, line_width=1)


def _surface(grid: Any) -> Any:
    return grid.extract_surface(algorithm="dataset_surface", nonlinear_subdivision=3)


def _add_mark(pv: Any, plotter: Any, mark: dict[str, Any], points: Any, colour: str) -> None:
    size = 0.07 * float(np.linalg.norm(np.ptp(points, axis=0)))
    look = {"color": colour, **_LIGHT}
    if len(mark["types"]):
        grid = pv.UnstructuredGrid(mark["cells"], mark["types"], points)
        plotter.add_mesh(_surface(grid), line_width=6, opacity=0.7, **look)
    if len(mark["dots"]):
        plotter.add_mesh(pv.PolyData(mark["dots"]), point_size=9, render_points_as_spheres=True, **look)
    for place, arrow, pushing in zip(mark["places"], size * mark["arrows"], mark["pushing"], strict=True):
        start = place - arrow if pushing else place
        plotter.add_mesh(pv.Arrow(start=start, direction=arrow, scale=float(np.linalg.norm(arrow))), **look)
    for tip, cone in zip(mark["tips"], mark["cones"], strict=True):
        middle = tip - 0.15 * size * cone
        plotter.add_mesh(pv.Cone(center=middle, direction=cone, height=0.3 * size, radius=0.12 * size), **look)


def _look(plotter: Any, said: dict[str, Any]) -> None:
    """Look at a body from above and the front, at one in a plane straight."""
    plotter.add_axes(color=_TEXT, line_width=3)
    if said["flat"]:
        plotter.view_xy()
    else:
        plotter.view_vector((-0.25, -0.65, 1.0), (0, 1, 0))
        plotter.camera.zoom(1.25)


def draw_atoms(pv: Any, plotter: Any, job: Any, said: dict[str, Any]) -> None:
    """Draw the atoms as spheres in their cell."""
    cloud = pv.PolyData(job["atoms"])
    colours = job["atom_colours"]
    cloud[said["atom_title"]] = colours
    ball = pv.Sphere(radius=said["atom_radius"], theta_resolution=24, phi_resolution=24)
    spheres = cloud.glyph(scale=False, orient=False, geom=ball)
    limits = said.get("atom_limits") or [float(colours.min()), float(colours.max())]
    show = not said["atom_names"]
    plotter.add_mesh(
        spheres,
        scalars=said["atom_title"],
        cmap="viridis",
        clim=limits,
        smooth_shading=True,
        specular=0.2,
        **_LIGHT,
        show_scalar_bar=show,
        scalar_bar_args=_bar(said["atom_title"]) if show else None,
    )
    for start, end in job["atom_edges"]:
        plotter.add_mesh(pv.Line(start, end), color="#404040", line_width=2)
    _heading(plotter, said["atom_caption"])
    plotter.view_vector((0.35, -0.8, 0.5), (0, 0, 1))
    plotter.camera.zoom(1.05)


def main(deck: str, target: str) -> None:
    """Draw what the deck holds."""
    try:
        import pyvista
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    pv: Any = pyvista
    job = dict(np.load(deck))
    said = json.loads(str(job["said"]))
    both = "points" in job and "atoms" in job
    beside = both or bool(said.get("marks") or said.get("parts"))
    options: dict[str, Any] = {"shape": "1|1", "splitting_position": 0.66} if beside else {}
    plotter = pv.Plotter(off_screen=True, window_size=list(said["size"]), border=False, **options)
    plotter.set_background("white", all_renderers=True)
    if "part" in job:
        draw_setup(pv, plotter, job, said)
    elif "points" in job:
        draw_body(pv, plotter, job, said)
    if both:
        plotter.subplot(1)
    if "atoms" in job:
        draw_atoms(pv, plotter, job, said)
    plotter.enable_anti_aliasing("ssaa") if said["size"][0] > 200 else None
    plotter.screenshot(target)
    _describe(target, said)


def _describe(target: str, said: dict[str, Any]) -> None:
    """Write what the picture says into its own text fields, for those who cannot see it."""
    from PIL import Image, PngImagePlugin

    words = PngImagePlugin.PngInfo()
    for key in ("title", "caption", "worst_text", "marks", "parts", "atom_title", "atom_caption"):
        if said.get(key):
            words.add_text(key, "; ".join(said[key]) if isinstance(said[key], list) else str(said[key]))
    with Image.open(target) as image:
        image.load()
        image.save(target, pnginfo=words)


if __name__ == "__main__":
    main(*sys.argv[1:3])
