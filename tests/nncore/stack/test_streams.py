"""A trial's streams apart: each of its seeds decides what is drawn with it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from nncore.registry import kept
from nncore.rules import rule, rules
from nncore.stack.training import Training, train
from nncore.trial import Configuration, Problem, Seeds
from tests.problems import assert_same, configuration, short

TRAINED = short("spiral", epochs=3, batch_size=4, shuffle=True)


def seen(seeds: Seeds, trained: Problem = TRAINED) -> dict[str, np.ndarray]:
    """What a trial draws: its data, initial parameters and first order, as arrays."""
    training = Training(trained, [configuration("sgd")], [seeds])
    found = {"data": training.data.parts["train"].x[0], "start": training.w[0].copy()}
    training.data.shuffle()
    for cut in training.data.batches:
        for call in cut.calls:
            call()
    # Which samples are in the last batch, told by what they are among all of the part.
    whole, last = found["data"].T.tolist(), training.data.batches[-1].samples.x[0].T.tolist()
    found["order"] = np.array([whole.index(sample) for sample in last])
    return found


@pytest.mark.parametrize("stream", ["data", "start", "order"])
def test_a_seed_changes_its_stream_alone(stream: str) -> None:
    base = Seeds.of(3)
    some, other = seen(base), seen(base._replace(**{stream: 8}))
    changed = {name for name in some if not np.array_equal(some[name], other[name])}
    assert changed == {stream}
    # And makes of it what a trial with that seed has.
    assert np.array_equal(other[stream], seen(Seeds.of(8))[stream])


def test_a_rule_s_own_draws_are_a_stream_too() -> None:
    drawn = []

    def drawing(w, g, t, *, learning_rate=0.1, rng):  # type: ignore[no-untyped-def]
        drawn.append([float(one.random()) for one in rng])

    with kept(rules):
        rule(drawing)
        one = Configuration("drawing", {"learning_rate": 0.1, "decay": 0.0})
        seeds = [Seeds.of(1), Seeds(1, 1, 1, 5), Seeds(5, 5, 5, 1), Seeds.of(5)]
        train(short("people", epochs=1), [one] * 4, seeds)
    first = drawn[0]
    assert first[0] == first[2] != first[1] == first[3]


@pytest.mark.parametrize("batch", [4, None])
def test_neighbours_with_other_streams_change_nothing(batch: int | None) -> None:
    trained = short("spiral", epochs=3, batch_size=batch, shuffle=batch is not None)
    seeds = [Seeds.of(0), Seeds(0, 1, 0, 0), Seeds(2, 0, 1, 0), Seeds(2, 1, 2, 0), 2]
    rates = [0.1, 1e30, 0.5, 0.1, 0.1]  # one diverges, and leaves the stack
    stack = [configuration("sgd", learning_rate=rate) for rate in rates]
    together = train(trained, stack, seeds)
    assert [outcome.status for outcome in together].count("diverged") == 1
    for one, seed, outcome in zip(stack, seeds, together, strict=True):
        assert_same(train(trained, [one], [seed])[0], outcome)
    assert_same(train(trained, stack[:1], [0])[0], together[0])
