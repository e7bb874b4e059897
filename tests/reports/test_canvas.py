"""A title says what is synthetic, and drawing leaves nothing open."""

import sys
from pathlib import Path

import pytest

from stroke_tf.reports.canvas import new_figure, save, titled


@pytest.mark.parametrize(("synthetic", "title"), [(True, "SYNTHETIC PHANTOM · case 1"), (False, "case 1")])
def test_a_title_says_what_is_synthetic(synthetic: bool, title: str):
    assert titled("case 1", synthetic) == title


def test_drawing_leaves_no_figure_open(tmp_path: Path):
    save(new_figure(2, 2), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").exists()
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
