"""Marks of shares: one for each stream of each optimizer, where it has a share, and their ends."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from bench.figures.panels.variance import MARKS, shares
from tests.figures.drawn import caption, drawn, material

ROWS = material("normal").verdicts.variance


@pytest.mark.parametrize("problem", ROWS["problem"].unique())
def test_every_share_is_a_mark_with_its_interval(problem: str) -> None:
    rows = ROWS[(ROWS["problem"] == problem) & (ROWS["stream"] != "all")]
    ax = shares(ROWS[ROWS["problem"] == problem])
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == list(rows["optimizer"].unique())
    filled = [m for m in ax.lines if m.get_markerfacecolor() != "none"]
    hollow = [m for m in ax.lines if m.get_markerfacecolor() == "none"]
    known = rows[rows["share"].notna()]
    # By row, stream and place: several streams may have equal shares.
    for marks, column in ((filled, "share"), (hollow, "alone")):
        seen = sorted(
            (names[round(m.get_ydata()[0])], m.get_marker(), m.get_xdata()[0]) for m in marks
        )
        meant = zip(known["optimizer"], known["stream"], known[column], strict=True)
        assert seen == sorted((name, MARKS[s][1], float(x)) for name, s, x in meant)
    bars = sorted((*path[:, 0], *path[:, 1]) for c in ax.collections for path in c.get_segments())
    places = {(m.get_xdata()[0], m.get_ydata()[0]) for m in filled}
    ends = {(row.share, row.share_low, row.share_high) for row in known.itertuples()}
    found = {(x, bar[0], bar[1]) for x, y in places for bar in bars if bar[2] == y}
    assert found == ends
    heights = [m.get_ydata()[0] for m in filled]
    assert len(set(heights)) == len(heights) == len(known)
    for mark in filled:
        [stream] = [s for s, (_, marker) in MARKS.items() if marker == mark.get_marker()]
        assert to_hex(mark.get_color()) == MARKS[stream][0].lower()


def test_what_has_no_mark_is_said() -> None:
    figure = drawn("normal")["variance",]
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["spiral", "log_linear"]
    told = caption(figure)
    assert "Order of samples on log_linear: the batch is full" in told
    assert "Not shown, no runs for it: neuron" in told
    assert "Of ranks, as some runs are infinitely bad" in told
    assert "Of 50 rows" in told
    assert np.isnan(ROWS.loc[ROWS["note"] == "the batch is full", "share"]).all()
