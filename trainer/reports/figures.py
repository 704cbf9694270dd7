"""How pictures look: sizes, fonts and colours, for light pages and dark ones, and figures as PNG.

Figures are made without pyplot, so that nothing is shared between them. Colours are told apart with any kind of colour
vision (after Okabe and Ito, 2008), and lines by their strokes and marks as well.
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

WIDTH, HEIGHT = 5.6, 3.9  # inches: letters stay readable where a telephone shows the picture 360 pixels wide
MARGIN = 0.1  # inches
DOTS_PER_INCH = 200
TITLE_POINTS, LABEL_POINTS, TICK_POINTS = 13, 12, 11


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one picture; `negative` and `positive` also stand for the first and second of any two things."""

    paper: str
    ink: str
    muted: str
    negative: str
    positive: str
    others: tuple[str, ...]

    def of_class(self, name: str, index: int) -> str:
        """The colour of a class: its own where it has one, otherwise by its place."""
        return {"negative": self.negative, "positive": self.positive}.get(name, self.others[index % len(self.others)])

    def ramp(self, colour: str) -> LinearSegmentedColormap:
        """From the paper to the colour, for areas."""
        return LinearSegmentedColormap.from_list("ramp", [self.paper, colour])


LIGHT = Theme("#ffffff", "#1f2328", "#d5dae0", "#d55e00", "#0072b2", ("#6b7280", "#007f5f", "#a3478a"))
DARK = Theme("#161b22", "#e6edf3", "#3a424d", "#ff9a52", "#6bb8f5", ("#b3bac4", "#4fc3a1", "#e0a3cf"))


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure for light pages and for dark ones, as PNG, with what it shows in words."""

    name: str  # of its file, without the ending
    description: str
    light: bytes
    dark: bytes

    @classmethod
    def of(cls, name: str, description: str, draw: Callable[..., Figure]) -> Self:
        """What `draw(theme=...)` gives for either theme."""
        return cls(name, description, to_png(draw(theme=LIGHT)), to_png(draw(theme=DARK)))

    @property
    def light_address(self) -> str:
        return _data_address(self.light)

    @property
    def dark_address(self) -> str:
        return _data_address(self.dark)


def new_figure(theme: Theme, width: float = WIDTH, height: float = HEIGHT) -> Figure:
    """An empty figure of this size in inches."""
    layout = ConstrainedLayoutEngine(w_pad=MARGIN, h_pad=MARGIN)
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor=theme.paper)


def dress(axes: Any, theme: Theme, title: str = "", x: str = "", y: str = "") -> None:
    """Gives axes their title, the names of their directions with units, a quiet grid, and the theme's colours."""
    axes.set_title(title, loc="left", fontsize=TITLE_POINTS, fontweight="bold", color=theme.ink, pad=10)
    axes.set_xlabel(x, fontsize=LABEL_POINTS, color=theme.ink)
    axes.set_ylabel(y, fontsize=LABEL_POINTS, color=theme.ink)
    axes.set_facecolor(theme.paper)
    axes.tick_params(colors=theme.ink, labelsize=TICK_POINTS, length=0)
    axes.grid(color=theme.muted, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.muted)


def legend(axes: Any, theme: Theme, **options: Any) -> None:
    axes.legend(fontsize=TICK_POINTS, labelcolor=theme.ink, facecolor=theme.paper, edgecolor=theme.muted, **options)


def mix(colour: str, other: str, share: float) -> tuple[float, ...]:
    """A colour between two, as red, green and blue from 0 to 1; `share` of the first."""
    return tuple(a * share + b * (1 - share) for a, b in zip(to_rgb(colour), to_rgb(other), strict=True))


def to_png(figure: Figure) -> bytes:
    """The figure as PNG: the same bytes for the same drawing, without the name and address of what drew it."""
    stream = BytesIO()
    figure.savefig(stream, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
    return stream.getvalue()


def _data_address(png: bytes) -> str:
    return "data:image/png;base64," + b64encode(png).decode()
