"""Of which seeds and trials contours show the paths."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench.figures.paths import middling_seeds, telling
from bench.tables.headline import COST
from tests.figures.descents import drawn, experiment, landscapes_of, trained
from tests.figures.drawn import caption


def test_middling_seeds_begin_with_that_of_the_median():
    losses = [5.0, 1.0, 4.0, np.inf, 2.0]
    frame = pd.DataFrame(
        {
            "optimizer": "sgd",
            "seed": range(5),
            "status": "ok",
            COST: losses,
        }
    )
    assert middling_seeds(frame) == [2, 0, 4]
    other = frame.assign(**{"optimizer": "adam", COST: [3.0, 1.0, 9.0, 8.0, 2.0]})
    # Ranks 4 1 3 5 2 and 3 1 5 4 2: seed 0 is half a rank from the middle on average.
    assert middling_seeds(pd.concat([frame, other])) == [0, 2, 4]
    # What one of them lacks is not chosen; without it, ranks of adam are 1 4 3 2.
    assert middling_seeds(pd.concat([frame, other[other["seed"] != 0]])) == [2, 4]
    assert middling_seeds(frame.assign(**{COST: np.nan})) == []


def straight(*ends):
    """A path from the origin along the first axis."""
    return np.array([[0.0, 0.0], *([end, 0.0] for end in ends)])


FLAWED = [
    # What shows less, what shows more, of two paths each.
    ((straight(9, np.inf), straight(9, 9)), (straight(1, 1), straight(1, 2))),  # not finite
    ((straight(0.1, 0.2), straight(0.1, 0.1)), (straight(1, 2), straight(1, 1))),  # short
    ((straight(1, -1, 1, -1), straight(1, -1)), (straight(2, 2), straight(2, 2))),  # to and fro
]


@pytest.mark.parametrize(("less", "more"), FLAWED)
def test_paths_that_stay_finite_and_lead_far_are_telling(less, more):
    less, more = (dict(zip("ab", paths, strict=True)) for paths in (less, more))
    assert telling(less) < telling(more)


@pytest.mark.parametrize("most", [1, 5])
def test_of_middling_seeds_the_most_telling_is_shown(most, monkeypatch):
    monkeypatch.setattr("bench.figures.paths.MOST_SEEDS", most)
    optimizers = [{"rule": ["sgd", "heavy_ball"], "learning_rate": 1e-3}]
    planned, trials, _ = trained(experiment("rosenbrock", optimizers, seeds=9, epochs=60))
    seeds = middling_seeds(trials)[:most]
    found = landscapes_of(planned, trials)["f"]
    shown = {}
    for seed in seeds:
        rows = trials[trials["seed"] == seed]
        shown[seed] = telling(landscapes_of(planned, rows)["f"].paths)
    assert found.seed == max(seeds, key=lambda seed: shown[seed])
    assert len(set(shown.values())) == len(seeds) == most
    assert (found.middling, found.seeds) == (most, 9)
    text = caption(drawn(experiment("rosenbrock", optimizers, seeds=9, epochs=60)))
    told = "of 9 the one whose" if most == 1 else "of the 5 of 9 seeds whose"
    assert f"with seed {found.seed}: {told} final losses rank nearest to the median" in text
    assert ("lead farthest from the start" in text) == (most > 1)
