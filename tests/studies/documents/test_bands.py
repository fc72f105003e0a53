"""What the bands of figures hold: all seeds where few ran, the central 99% of many."""

import numpy as np
import pytest

from bench.studies.documents.figures import Panel, bands, outer_band


@pytest.mark.parametrize(("seeds", "words"), [(40, "all seeds"), (1000, "central 99%")])
def test_the_outer_band_holds_what_it_says(seeds, words):
    values = np.random.default_rng(0).standard_normal((seeds, 3))
    frame = bands(Panel("x", np.arange(3), values, []))
    inside = (values >= frame["low_99"].to_numpy()) & (values <= frame["high_99"].to_numpy())
    assert outer_band([seeds]) == words
    assert inside.mean(axis=0) == pytest.approx(np.full(3, 1.0 if seeds == 40 else 0.99), abs=0.002)
