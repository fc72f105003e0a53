import json
import math

import numpy as np
import pytest

from nncore.schedules import Plateau, schedules
from nncore.stack.training import train
from nncore.trial import Configuration
from tests.problems import configuration, noted, short
from tests.references.registry import FOLDER

STORED = json.loads((FOLDER / "schedules.json").read_text())["cases"]
# A closed form takes no memory: what watches the loss does.
CLOSED = [name for name in schedules if name != "plateau"]


def factors(name, total, **parameters):
    return schedules[name].function(np.arange(total, dtype=np.float64), total, **parameters)


def spans(value, total):
    return value if value >= 1 else value * total


def exponential(t, total, factor, every):
    return factor ** (t / spans(every, total))


def step(t, total, factor, every):
    value, boundary = 1.0, spans(every, total)
    while boundary <= t + 1e-9:
        value, boundary = value * factor, boundary + spans(every, total)
    return value


def piecewise(t, total, boundaries, factors):
    value = 1.0
    for boundary, factor in zip(boundaries, factors, strict=True):
        if t + 1e-9 >= spans(boundary, total):
            value = factor
    return value


def cosine(t, total, end, restarts, growth):
    first = total / sum(growth**k for k in range(restarts + 1))
    k = 0
    while k < restarts and t + 1e-9 >= first * growth**k:
        t, k = t - first * growth**k, k + 1
    return end + (1 - end) * math.cos(math.pi / 2 * max(t, 0) / (first * growth**k)) ** 2


def one_cycle(t, total, peak, start, end):
    top = spans(peak, total)
    if t < top:
        return start + (1 - start) * math.sin(math.pi / 2 * t / top) ** 2
    return end + (1 - end) * math.cos(math.pi / 2 * (t - top) / (total - top)) ** 2


def warmup_stable_decay(t, total, cooldown, end):
    left = (total - t) / spans(cooldown, total)
    return 1.0 if left >= 1 else left + end * (1 - left)


REFERENCES = {
    "constant": lambda t, total: 1.0,
    "inverse_time": lambda t, total, decay: (1 + decay * t) ** -1,
    "exponential": exponential,
    "step": step,
    "piecewise": piecewise,
    "polynomial": lambda t, total, power, end: end + (1 - end) * ((total - t) / total) ** power,
    "linear": lambda t, total, end: (end * t + total - t) / total,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "warmup_stable_decay": warmup_stable_decay,
    "inverse_sqrt": lambda t, total, scale: math.sqrt(
        spans(scale, total) / (spans(scale, total) + t)
    ),
    "plateau": lambda t, total, **_: 1.0,
}
SETS = {
    "inverse_time": [{"decay": 0.3}, {"decay": 0.0}],
    "exponential": [{"factor": 0.1, "every": 20}, {"factor": 2.0, "every": 0.7}],
    "step": [{"factor": 0.1, "every": 7}, {"factor": 0.5, "every": 0.3}, {"every": 1}],
    "piecewise": [
        {"boundaries": [3, 10, 0.9], "factors": [0.5, 2.0, 0.0]},
        {"boundaries": [], "factors": []},
    ],
    "polynomial": [{"power": 0.5}, {"power": 3.0, "end": 0.1}],
    "linear": [{"end": 0.25}, {"end": 2.0}],
    "cosine": [
        {"restarts": 4},
        {"restarts": 2, "growth": 2.0, "end": 0.1},
        {"restarts": 3, "growth": 0.5},
    ],
    "one_cycle": [{"peak": 0.5, "start": 0.2, "end": 0.1}, {"peak": 5}],
    "warmup_stable_decay": [{"cooldown": 10, "end": 0.5}, {"cooldown": 0.9}, {"cooldown": 1000}],
    "inverse_sqrt": [{"scale": 10}, {"scale": 0.5}],
}
CASES = [
    (name, {**schedules[name].parameters, **given})
    for name in schedules
    for given in [{}, *SETS.get(name, [])]
]


def test_every_schedule_has_a_reference():
    assert list(schedules) == list(REFERENCES)


@pytest.mark.parametrize("total", [1, 2, 10, 30, 200])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_schedule_equals_its_reference(name, parameters, total):
    if (
        name == "piecewise"
        and sorted(ends := [spans(b, total) for b in parameters["boundaries"]]) != ends
    ):
        with pytest.raises(ValueError, match="ascending"):
            factors(name, total, **parameters)
        return
    own = {k: v for k, v in parameters.items() if k != "warmup"}
    expected = [REFERENCES[name](t, total, **own) for t in range(total)]
    np.testing.assert_allclose(factors(name, total, **parameters), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", STORED, ids=lambda case: case["schedule"])
def test_schedule_follows_pytorch(case):
    t = np.arange(len(case["rates"]), dtype=np.float64)
    if case["losses"]:
        state = Plateau([{"name": "plateau", **case["parameters"]}])
        found = []
        for loss in case["losses"]:
            found.append(float(state.factor[0]))
            state.see(np.array([loss]))
        assert len(set(found)) > 3
    else:
        found = schedules[case["schedule"]].function(t, case["total"], **case["parameters"])
    np.testing.assert_allclose(found, case["rates"], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("warmup", [1, 7, 0.25, 30, 500])
@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_warm_up_climbs_to_where_the_schedule_begins(name, parameters, warmup):
    if name == "piecewise" and parameters["boundaries"]:
        parameters = {**parameters, "boundaries": [2, 5, 9][: len(parameters["boundaries"])]}
    total = 40
    before = math.floor(spans(warmup, total))
    parameters = {**parameters, "warmup": warmup}
    found = factors(name, total, **parameters)
    rest = max(total - before, 1)
    after = factors(name, rest, **{**parameters, "warmup": 0.0})
    np.testing.assert_allclose(found[before:], after[: max(total - before, 0)], rtol=1e-12)
    climb = [(t + 1) / (before + 1) * after[0] for t in range(min(before, total))]
    np.testing.assert_allclose(found[:before], climb, rtol=1e-12)


@pytest.mark.parametrize("name", ["polynomial", "linear", "cosine", "one_cycle", "inverse_sqrt"])
def test_smooth_schedules_do_not_jump(name):
    total = 10_000
    scale = {"scale": 1001} if name == "inverse_sqrt" else {}
    found = factors(name, total, warmup=0.1, **scale)
    assert np.abs(np.diff(found)).max() < 20 / total


def test_a_fraction_of_the_whole_is_a_whole_number_but_for_rounding():
    assert 0.29 * 100 < 29
    assert (factors("constant", 100, warmup=0.29) < 1).sum() == 29


def test_known_points():
    assert factors("linear", 4).tolist() == [1.0, 0.75, 0.5, 0.25]
    assert factors("cosine", 4)[2] == pytest.approx(0.5)
    assert factors("cosine", 8, restarts=1)[[0, 2, 4, 6]] == pytest.approx([1, 0.5, 1, 0.5])
    assert factors("one_cycle", 10, peak=0.3)[3] == 1.0
    assert factors("step", 30, factor=0.5, every=0.1)[[2, 3, 29]].tolist() == [1, 0.5, 0.5**9]
    assert factors("inverse_sqrt", 16)[[0, 3, 15]].tolist() == [1.0, 0.5, 0.25]
    assert factors("warmup_stable_decay", 10, cooldown=4).tolist() == [1.0] * 7 + [0.75, 0.5, 0.25]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("step", {"every": 0}),
        ("exponential", {"factor": 0}),
        ("polynomial", {"power": -1}),
        ("cosine", {"growth": 0}),
        ("cosine", {"restarts": -1}),
        ("warmup_stable_decay", {"cooldown": 0}),
        ("inverse_sqrt", {"scale": 0}),
        ("one_cycle", {"peak": 0}),
        ("constant", {"warmup": -1}),
        ("piecewise", {"boundaries": [5, 3], "factors": [1, 1]}),
        ("piecewise", {"boundaries": [5], "factors": []}),
        ("piecewise", {"factors": [-1], "boundaries": [5]}),
        ("inverse_time", {"decay": -5.0}),
        ("cosine", {"end": -3}),
        ("linear", {"end": -1}),
        ("polynomial", {"end": -1}),
        ("one_cycle", {"start": -1}),
        ("one_cycle", {"end": -1}),
        ("warmup_stable_decay", {"end": -1}),
        ("plateau", {"factor": 2.0}),
        ("plateau", {"factor": 0.0}),
        ("plateau", {"end": 3.0}),
        ("plateau", {"threshold": -1}),
        ("plateau", {"patience": -1}),
    ],
)
def test_what_makes_no_schedule(name, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        factors(name, 20, **parameters)


def scalar_plateau(losses, factor, patience, threshold, cooldown, end):
    """The factor after each of the losses, by counting."""
    value, best, bad, cool, found = 1.0, None, 0, 0, []
    for loss in losses:
        if best is None or loss < best - threshold * abs(best):
            best, bad = loss, 0
        else:
            bad += 1
        if cool:
            cool, bad = cool - 1, 0
        if bad > patience:
            value, bad, cool = max(value * factor, end), 0, cooldown
        found.append(value)
    return found


def test_plateau_counts_for_each_trial():
    rng = np.random.default_rng(0)
    losses = np.cumsum(rng.standard_normal((60, 7)) - 0.05, axis=0) * 0.05 + 5
    losses[20:, 4] = np.nan
    losses[:, 5] -= 10  # below zero
    losses[:, 6] = [0.5, 0.2, *[0.1] * 58]
    sets = [
        {"factor": 0.5, "patience": 0, "threshold": 0.0, "cooldown": 0, "end": 0.0},
        {"factor": 0.1, "patience": 3, "threshold": 0.05, "cooldown": 4, "end": 1e-3},
        {"factor": 0.9, "patience": 1, "threshold": 1e-4, "cooldown": 2, "end": 0.5},
        None,
        {"factor": 0.5, "patience": 2, "threshold": 0.0, "cooldown": 0, "end": 0.0},
        {"factor": 0.5, "patience": 2, "threshold": 0.01, "cooldown": 0, "end": 0.0},
        {"factor": 0.5, "patience": 9, "threshold": 1.0, "cooldown": 0, "end": 0.0},
    ]
    state = Plateau([s and {"name": "plateau", **s} for s in sets])
    assert state.watches
    assert not Plateau([None, {"name": "linear"}]).watches
    found = []
    for row in losses:
        state.see(row)
        found.append(state.factor.copy())
    for k, given in enumerate(sets):
        expected = scalar_plateau(losses[:, k], **given) if given else [1.0] * 60
        assert [float(f[k]) for f in found] == pytest.approx(expected)
        assert len(set(expected)) > 2 or not given


@pytest.mark.parametrize("dataset", ["spiral", "log_linear"])
def test_plateau_watches_the_epoch_s_mean_training_loss(dataset):
    """Rates in training are those that the losses of the batches, one by one, lead to."""
    trained = short(dataset, batch_size=7, epochs=25, record_every=1, dtype="float64", shuffle=True)
    plateau = {"name": "plateau", **schedules["plateau"].parameters, "patience": 1, "factor": 0.5}
    plateau["threshold"] = 0.01
    with noted("sgd") as (name, notes):
        plain = configuration(name, learning_rate=1e-300)
        tiny = Configuration(name, plain.hyperparameters, modifiers={"schedule": plateau})
        runaway = configuration(name, learning_rate=1e300)
        outcomes = train(trained, [runaway, tiny, plain], [0, 0, 0])
    # With weights that never move, an epoch's mean over batches is the full part's loss: a plateau
    # from the first epoch on, whatever the batches.
    rates = [float(note.hyperparameters["learning_rate"][-2, 0]) for note in notes]
    each = len(notes) // 25
    losses = outcomes[1].metrics["train_loss"][1:]
    expected = [1.0, *scalar_plateau(losses, 0.5, 1, 0.01, 0, 0.0)]
    found = [rates[each * epoch] / 1e-300 for epoch in range(25)]
    assert found == pytest.approx(expected[:25])
    assert expected[24] == 0.5**12 or expected[24] < 0.01
    assert outcomes[0].status == "diverged"


def test_plateau_sees_the_loss_before_each_update():
    """Per batch, the loss at the weights of that moment, weighted by its samples."""
    trained = short("spiral", {"samples": 7}, batch_size=4, epochs=6, dtype="float64")
    plateau = {"name": "plateau", **schedules["plateau"].parameters}
    seen = []
    original = Plateau.see

    def see(self, losses):
        seen.append(losses.copy())
        original(self, losses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plateau, "see", see)
        base = configuration("sgd", learning_rate=0.5).hyperparameters
        train(trained, [Configuration("sgd", base, modifiers={"schedule": plateau})], [0])
        mini = np.array(seen)[:, 0]
        seen.clear()
        full = short("spiral", {"samples": 7}, epochs=6, record_every=1, dtype="float64")
        [outcome] = train(full, [Configuration("sgd", base, modifiers={"schedule": plateau})], [0])
    # Full batch: an epoch's loss is the one recorded before it.
    np.testing.assert_allclose(np.array(seen)[:, 0], outcome.metrics["train_loss"][:-1], rtol=1e-12)
    assert len(mini) == 6
    assert np.isfinite(mini).all()
