"""A picture as a list of shapes, written as SVG, which is light or dark as its surroundings are, or by matplotlib as PNG.

Knows shapes and colours only; matplotlib is imported when a PNG is asked for. Start at `Picture`.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from wengert.errors import ArgumentError, four_parts
from wengert.source import here

CHARACTER = 7.25  # width of a character of 12 pixels in a monospaced font

# Role -> (light, dark). Text on its ground has a contrast of at least 4.5 in both.
COLOURS: dict[str, tuple[str, str]] = {
    "ground": ("#ffffff", "#16181d"),
    "ink": ("#1b1d22", "#e8eaf0"),
    "soft": ("#565b66", "#a9afbd"),
    "caption": ("#565b66", "#a9afbd"),
    "line": ("#7a808c", "#8a91a0"),
    "node": ("#f4f5f8", "#242832"),
    "input": ("#e3f1e6", "#1d3526"),
    "output": ("#e1ebfb", "#1c2d4a"),
    "group": ("#fbf3dc", "#3a3017"),
    "cluster": ("#fafbfc", "#1b1e25"),
    "slope": ("#1d5a9e", "#8ab8f0"),
    "tangent": ("#6a3d9a", "#cfa9f5"),
    "adjoint": ("#a3262a", "#ff9d97"),
}


class Shape:
    """One element: "box", "text", "path" or "patch", which lets text be read that stands on a path.

    It has a role for its colour, and the node or edge it belongs to. Of boxes and patches the points are a corner and the size.
    """

    __slots__ = ("anchor", "kind", "owner", "points", "role", "text")

    def __init__(
        self, kind: str, role: str, points: list[tuple[float, float]], text: str = "", owner: str = "", anchor: str = "middle"
    ) -> None:
        self.kind, self.role, self.points, self.text, self.owner, self.anchor = kind, role, points, text, owner, anchor


class Picture:
    """Shapes within a width and a height. In a notebook it shows itself."""

    def __init__(
        self, width: float, height: float, shapes: list[Shape], title: str, description: str, ends: dict[str, tuple[str, str]] | None = None
    ) -> None:
        self.ends = ends or {}  # owner of an edge -> owners of the nodes that it connects
        self.width, self.height, self.shapes, self.title, self.description = width, height, shapes, title, description

    # -- SVG ------------------------------------------------------------------------------------------

    def svg(self) -> str:
        """The picture as SVG text, to be read as a file or put into a page."""
        body: list[str] = []
        owner = ""
        for shape in self.shapes:
            if shape.owner != owner:
                body.append(("</g>" if owner else "") + (self._group(shape.owner) if shape.owner else ""))
                owner = shape.owner
            body.append(_svg(shape))
        if owner:
            body.append("</g>")
        w, h = round(self.width), round(self.height)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="wengert" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img" '
            f"aria-label={quoteattr(self.title)}><title>{escape(self.title)}</title><desc>{escape(self.description)}</desc>"
            f"<style>{_style()}</style>{_ARROW}"
            f'<rect class="ground" width="{w}" height="{h}" rx="6"/>{"".join(body)}</svg>'
        )

    def _group(self, owner: str) -> str:
        ends = self.ends.get(owner)
        between = "" if ends is None else f' data-source="{ends[0]}" data-target="{ends[1]}"'
        return f'<g class="{owner[0]}" id={quoteattr("w-" + owner)}{between}>'

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return f"<{self.title}: {round(self.width)} × {round(self.height)} pixels>"

    def save(self, path: str, dark: bool = False) -> None:
        """Write a file: SVG or PNG, by its ending. PNG needs matplotlib and is light, or dark.

        Raises
        ------
        ArgumentError
            For another ending, or where matplotlib is missing.
        """
        ending = path.rpartition(".")[2].lower()
        if ending == "svg":
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.svg())
        elif ending == "png":
            self._png(path, dark)
        else:
            raise ArgumentError(four_parts("pictures are saved as SVG or PNG", f"{path!r}", instead="graph.svg or graph.png", where=here()))

    # -- PNG ------------------------------------------------------------------------------------------

    def _png(self, path: str, dark: bool) -> None:
        try:
            from matplotlib.figure import Figure
            from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
            from matplotlib.path import Path
        except ImportError as error:
            raise ArgumentError(
                four_parts(
                    "a PNG needs matplotlib", "No module named 'matplotlib'", instead="pip install 'wengert[viz]', or .svg", where=here()
                )
            ) from error

        def colour(role: str) -> str:
            return COLOURS[role][dark]

        inch = 96.0
        figure = Figure(figsize=(self.width / inch, self.height / inch), dpi=2 * inch, facecolor=colour("ground"))
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        axes.axis("off")
        for shape in self.shapes:
            (x, y) = shape.points[0]
            if shape.kind == "patch":
                axes.add_patch(Rectangle((x, y), *shape.points[1], facecolor=colour(shape.role), edgecolor="none"))
            elif shape.kind == "box":
                (_, (w, h)) = shape.points
                style = "dashed" if shape.role in ("cluster", "group") else "solid"
                axes.add_patch(
                    FancyBboxPatch(
                        (x, y),
                        w,
                        h,
                        boxstyle="round,pad=0,rounding_size=5",
                        facecolor=colour(shape.role),
                        edgecolor=colour("line"),
                        linestyle=style,
                        linewidth=0.8,
                    )
                )
            elif shape.kind == "path":
                bends = curve(shape.points)
                path_of = Path(
                    [shape.points[0], *[point for bend in bends for point in bend]], [Path.MOVETO, *[Path.CURVE4] * 3 * len(bends)]
                )
                axes.add_patch(
                    FancyArrowPatch(path=path_of, arrowstyle="-|>,head_length=3,head_width=1.6", color=colour("line"), linewidth=0.9)
                )
            elif shape.role != "title":
                side = {"middle": "center", "start": "left", "end": "right"}[shape.anchor]
                size, family = (8.25, "DejaVu Sans Mono") if shape.role == "slope" else (9, "DejaVu Sans Mono")
                axes.text(x, y, shape.text, fontsize=size, family=family, color=colour(shape.role), ha=side, va="center")
        figure.savefig(path, facecolor=colour("ground"))


Points = list[tuple[float, float]]


def curve(points: Points) -> list[Points]:
    """Bézier arcs through points from top to bottom: x is a monotone cubic of y between any two (Fritsch & Carlson 1980)."""
    points = [p for i, p in enumerate(points) if i == 0 or p[1] > points[i - 1][1] + 0.01]
    secants = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in zip(points, points[1:], strict=False)]
    if not secants:
        return []
    inner = [2 * a * b / (a + b) if a * b > 0 else 0.0 for a, b in zip(secants, secants[1:], strict=False)]
    slopes = [secants[0] * 0.5, *inner, secants[-1] * 0.5]
    arcs = []
    for (ax, ay), (bx, by), s, t in zip(points, points[1:], slopes, slopes[1:], strict=False):
        third = (by - ay) / 3
        arcs.append([(ax + s * third, ay + third), (bx - t * third, by - third), (bx, by)])
    return arcs


def _svg(shape: Shape) -> str:
    if shape.kind == "patch":
        (x, y), (w, h) = shape.points
        return f'<rect class="patch {shape.role}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
    if shape.kind == "box":
        (x, y), (w, h) = shape.points
        return f'<rect class="{shape.role}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="5"/>'
    if shape.kind == "path":
        (x, y) = shape.points[0]
        bends = ["C" + " ".join([f"{a:.1f},{b:.1f}" for a, b in bend]) for bend in curve(shape.points)]
        return f'<path d="M{x:.1f},{y:.1f}{"".join(bends)}"/>'
    (x, y) = shape.points[0]
    if shape.role == "title":
        return f"<title>{escape(shape.text)}</title>"
    return f'<text class="{shape.role}" x="{x:.1f}" y="{y:.1f}" text-anchor="{shape.anchor}">{escape(shape.text)}</text>'


def _style() -> str:
    light = "".join([f"--{role}:{a};" for role, (a, _) in COLOURS.items()])
    dark = "".join([f"--{role}:{b};" for role, (_, b) in COLOURS.items()])
    fills = "".join([f".wengert rect.{role}{{fill:var(--{role})}}" for role in ("ground", "node", "input", "output", "group", "cluster")])
    texts = "".join([f".wengert text.{role}{{fill:var(--{role})}}" for role in ("ink", "soft", "caption", "slope", "tangent", "adjoint")])
    return (
        f".wengert{{{light}max-width:100%}}@media(prefers-color-scheme:dark){{.wengert{{{dark}}}}}"
        ".wengert text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;dominant-baseline:central}"
        ".wengert text.slope{font-size:11px}"
        ".wengert rect{stroke:var(--line);stroke-width:.8}.wengert rect.ground,.wengert rect.patch{stroke:none}"
        ".wengert rect.cluster,.wengert rect.group{stroke-dasharray:4 3}"
        ".wengert path{fill:none;stroke:var(--line);stroke-width:1.1;marker-end:url(#w-arrow)}"
        ".wengert marker path{fill:var(--line);stroke:none;marker-end:none}" + fills + texts
    )


_ARROW = (
    '<defs><marker id="w-arrow" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto">'
    '<path d="M0,.8L8,4L0,7.2z"/></marker></defs>'
)
