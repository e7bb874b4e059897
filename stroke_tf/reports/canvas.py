"""What pictures and plots share: colours, a sheet to draw on, how it is titled and saved.

Matplotlib is imported inside the functions, so that whoever draws nothing never waits for it, and figures are made
without pyplot: its list of open figures is state of the process, and drawing must leave none behind.
"""

from pathlib import Path
from typing import Any

from stroke_tf.files import written_whole

# Okabe and Ito's colours, which people with any colour vision tell apart.
FOUND, FALSE, MISSED = "#009E73", "#E69F00", "#CC79A7"
OURS, PAPER, MEAN = "#0072B2", "#D55E00", "#000000"


def new_figure(width: float, height: float) -> Any:
    """Return an empty sheet, sides in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def titled(title: str, synthetic: bool) -> str:
    """Return the title of a picture of one case, which says so where the case is a phantom."""
    return f"SYNTHETIC PHANTOM · {title}" if synthetic else title


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, whole or not at all, and let go of it."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
    figure.clear()
