"""Every metric against plain Python; what a plugin's metric sees, and what it must return."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from nncore.losses import losses
from nncore.metrics import (
    BUILT_IN_COLUMNS,
    LOSS,
    Quantity,
    applicable,
    columns,
    metrics,
    recorded,
    words,
)
from nncore.registry import BUILT_IN, kept, load_plugin
from nncore.stack.training import train
from tests.problems import assert_same, configuration, short

ROOT = Path(__file__).parents[2]
BUILT = [metric.name for metric in recorded()]
T, K, N = 6, 3, 37


@pytest.fixture(autouse=True)
def _metrics_are_left_as_found():
    with kept(metrics):
        yield


def by_hand_loss(losses):
    return [math.fsum(row) / len(row) for row in losses.tolist()]


def by_hand_accuracy(p, Y):
    def right(outputs, target):
        best = max(range(len(outputs)), key=lambda k: outputs[k])
        return target[best] == max(target)

    pairs = zip(p.transpose(0, 2, 1).tolist(), Y.transpose(0, 2, 1).tolist(), strict=True)
    return [sum(map(right, outputs, target)) / len(outputs) for outputs, target in pairs]


def by_hand_r2(p, Y):
    found = []
    for outputs, targets in zip(p.tolist(), Y.tolist(), strict=True):
        means = [math.fsum(row) / len(row) for row in targets]
        left = math.fsum(
            (a - b) ** 2
            for row, aim in zip(outputs, targets, strict=True)
            for a, b in zip(row, aim, strict=True)
        )
        spread = math.fsum(
            (b - mean) ** 2 for aim, mean in zip(targets, means, strict=True) for b in aim
        )
        found.append(1 - left / spread)
    return found


BY_HAND = {"loss": by_hand_loss, "accuracy": by_hand_accuracy, "r2": by_hand_r2}


def arrays(name, *, last=False):
    """What a metric sees of T trials, in memory with the trial first or last."""
    rng = np.random.default_rng(7)
    made = {
        "losses": rng.gamma(1.0, size=(T, N)),
        "p": rng.normal(size=(T, K, N)),
        "Y": np.eye(K)[rng.integers(K, size=(T, N))].transpose(0, 2, 1),
    }
    if metrics[name].of == "numbers":
        made["Y"] = rng.normal(size=(T, K, N)) + 3
    chosen = ["losses"] if metrics[name].arguments == 1 else ["p", "Y"]
    both = [np.ascontiguousarray(made[key], np.float32) for key in chosen]
    if last:
        both = [np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0) for a in both]
    return both


def test_every_metric_is_in_the_table():
    assert set(BY_HAND) == set(BUILT)
    assert all(metrics[name].origin == BUILT_IN for name in BUILT)


@pytest.mark.parametrize("last", [False, True], ids=["trial first", "trial last"])
@pytest.mark.parametrize("name", BUILT)
def test_values_by_hand(name, last):
    seen = arrays(name, last=last)
    assert metrics[name](*seen) == pytest.approx(BY_HAND[name](*seen), rel=2e-6)


@pytest.mark.parametrize("last", [False, True], ids=["trial first", "trial last"])
@pytest.mark.parametrize("name", BUILT)
def test_values_do_not_depend_on_neighbours(name, last):
    # Alone means a pair where trials come last, as in a stack.
    seen, few = arrays(name, last=last), 2 if last else 1
    whole = metrics[name](*seen)
    for i in range(T - few + 1):
        alone = [a[i : i + few].copy(order="K") for a in seen]
        assert metrics[name](*alone).tobytes() == whole[i : i + few].tobytes()


@pytest.mark.parametrize("name", BUILT)
def test_directions_point_away_from_the_worst(name):
    quantity = metrics[name].quantity
    values = metrics[name](*arrays(name))
    assert (quantity.cost(values) < quantity.cost(quantity.worst)).all()
    assert (quantity.cost(values) > quantity.cost(quantity.best)).all()
    assert quantity.reached(quantity.best, values).all()
    assert not quantity.reached(quantity.worst, values).any()
    assert quantity.reached(values, values).all()


def test_columns_come_metric_by_metric():
    expected = [f"{part}_{name}" for name in BUILT for part in ("train", "validation", "test")]
    assert list(BUILT_IN_COLUMNS) == expected
    assert [words(name) for name in ("train_loss", "test_r2")] == ["training loss", "test R²"]


# loss -> the metrics of a problem with it
APPLY = {
    "categorical_crossentropy": ["loss", "accuracy"],
    "mean_squared_error": ["loss", "r2"],
    "half_mean_squared_error": ["loss", "r2"],
    "squared_sum": ["loss", "r2"],
    "objective": ["loss"],
}


@pytest.mark.parametrize("name", losses)
def test_metrics_are_of_what_they_say(name):
    assert [metric.name for metric in applicable(recorded(), losses[name])] == APPLY[name]


# what a plugin may not say -> what it is told
REFUSED = {
    'better="more", worst=0.0': 'better must be "lower" or "higher"',
    'better="higher", worst=float("nan")': "worst must be a number or infinity",
    'better="higher", worst="0"': "worst must be a number or infinity",
    'better="higher", worst=0.0, best=np.inf': "best must be a finite number",
    'better="higher", worst=0.0, shown=np.nan': "shown must be a finite number",
    'better="higher", worst=1.0, best=0.0': "its best value is no better than its worst",
    'better="lower", worst=0.0, best=0.0': "its best value is no better than its worst",
    'better="lower", worst=1.0, label=" "': "label must be a printable text",
    'better="lower", worst=1.0, unit="a\\nb"': "unit must be a printable text",
    'better="lower", worst=1.0, of="words"': 'of must be "classes" or "numbers" or "both"',
}


def plugin(folder: Path, text: str, name: str = "mine") -> str:
    path = folder / f"{name}.py"
    path.write_text(
        "import numpy as np\nfrom nncore.metrics import metric\n" + text, encoding="utf-8"
    )
    return load_plugin(path)


@pytest.mark.parametrize("said", REFUSED)
def test_what_is_no_metric_is_refused(tmp_path, said):
    with pytest.raises((TypeError, ValueError), match=REFUSED[said]):
        plugin(tmp_path, f"@metric({said})\ndef refused(p, Y):\n    return p[:, 0, 0]\n")
    assert "refused" not in metrics


@pytest.mark.parametrize("arguments", ["", "p, Y, w", "*arrays"])
def test_a_metric_sees_outputs_and_targets_or_losses(tmp_path, arguments):
    text = f'@metric(better="lower", worst=1.0)\ndef refused({arguments}):\n    return 0\n'
    with pytest.raises(TypeError, match=r"write it as def refused\(p, Y\)"):
        plugin(tmp_path, text)


def test_the_names_of_built_in_metrics_are_taken(tmp_path):
    text = '@metric(better="lower", worst=1.0)\ndef accuracy(p, Y):\n    return p[:, 0, 0]\n'
    with pytest.raises(ValueError, match='there is already a metric "accuracy"'):
        plugin(tmp_path, text)


SEEN = """
seen = []

@metric(better="lower", worst=np.inf)
def watcher(p, Y):
    seen.append((p, Y))
    return np.exp(p).sum(axis=(1, 2)) + Y.mean(axis=(1, 2))

@metric(better="lower", worst=np.inf)
def worst_sample(losses):
    return losses.max(axis=1)
"""


@pytest.mark.parametrize("dataset", ["spiral", "people", "neuron"])
def test_a_plugin_sees_one_trial_at_a_time(tmp_path, dataset):
    """Memory and neighbours of a stack, in either layout, are nothing to a plugin's metric."""
    digest = plugin(tmp_path, SEEN, dataset)
    trained = short(dataset)
    some = [configuration("sgd", learning_rate=rate) for rate in (0.5, 0.1, 0.02, 0.3, 0.7)]
    asked = ["watcher", "worst_sample"]
    stack = train(trained, some, [0, 1, 2, 0, 1], asked)
    for i, (each, seed) in enumerate(zip(some, [0, 1, 2, 0, 1], strict=True)):
        assert_same(train(trained, [each], [seed], asked)[0], stack[i])
    seen = metrics["watcher"].function.__globals__["seen"]
    assert metrics["watcher"].digest == digest
    for pair in seen:
        assert all(a.shape[0] == 1 and a.flags.c_contiguous for a in pair)
        assert not any(a.flags.writeable for a in pair)


@pytest.mark.parametrize("dataset", ["spiral", "people"])
def test_what_is_recorded_changes_nothing_else(tmp_path, dataset):
    plugin(tmp_path, SEEN, dataset)
    trained, seeds = short(dataset), [0, 1]
    some = [configuration("sgd", learning_rate=rate) for rate in (0.5, 0.1)]
    usual, more, bare = (
        train(trained, some, seeds, names)
        for names in (None, [*BUILT, "watcher", "worst_sample"], [])
    )
    for before, with_more, without in zip(usual, more, bare, strict=True):
        own = {n: v for n, v in with_more.metrics.items() if n in before.metrics}
        assert len(own) < len(with_more.metrics)
        assert_same(before, type(before)(**{**vars(with_more), "metrics": own}))
        only = {n: v for n, v in before.metrics.items() if n.endswith(f"_{LOSS}")}
        assert_same(without, type(before)(**{**vars(before), "metrics": only}))
        losses_ = with_more.metrics["train_worst_sample"]
        assert (losses_ >= with_more.metrics["train_loss"]).all()


# what a metric returns -> what a crashed trial says of it
WRONG = {
    "p": r"it returned float32 of shape \(1, 3, \d+\)",
    "p.mean()": r"it returned float32 of shape \(\)",
    "np.zeros(2)": r"it returned float64 of shape \(2,\)",
    "['a']": r"it returned <U1 of shape \(1,\)",
    "[None]": r"it returned object of shape \(1,\)",
    "[1j]": r"it returned complex128 of shape \(1,\)",
}


@pytest.mark.parametrize("returned", WRONG)
def test_a_metric_returns_a_number_for_each_trial(tmp_path, returned):
    text = f'@metric(better="lower", worst=1.0)\ndef wrong(p, Y):\n    return {returned}\n'
    plugin(tmp_path, text, "wrong")
    with pytest.raises(ValueError, match=f"metric wrong: for 1 trial {WRONG[returned]}; it must"):
        train(short("spiral"), [configuration("sgd")] * 2, [0, 1], ["wrong"])


def test_a_metric_cannot_write_to_what_it_sees(tmp_path):
    text = (
        '@metric(better="lower", worst=1.0)\ndef writer(p, Y):\n    Y -= 1\n    return p[:, 0, 0]\n'
    )
    plugin(tmp_path, text, "writer")
    with pytest.raises(ValueError, match="read-only"):
        train(short("spiral"), [configuration("sgd")], [0], ["writer"])


NOT_NUMBERS = """
@metric(better="higher", worst=-2.0)
def sometimes(losses):
    mean = losses.mean(axis=1)
    return np.where(mean > 0.9, np.nan, mean)

@metric(better="higher", worst=-2.0)
def never(losses):
    return losses.mean(axis=1) * np.nan

@metric(better="higher", worst=-2.0)
def always(losses):
    return losses.mean(axis=1)
"""


def test_values_that_are_not_numbers(tmp_path):
    """NaN counts as the worst value; where there is nothing else, there is no such curve."""
    plugin(tmp_path, NOT_NUMBERS, "not_numbers")
    trained = short("spiral", epochs=60, record_every=10)
    [outcome] = train(
        trained, [configuration("adam", learning_rate=0.05)], [0], ["sometimes", "never"]
    )
    losses_ = outcome.metrics["train_loss"]
    assert losses_[0] > 0.9 > losses_[-1]
    high = losses_ > 0.9
    assert (outcome.metrics["train_sometimes"][high] == -2.0).all()
    assert outcome.metrics["train_sometimes"][~high] == pytest.approx(losses_[~high])
    assert not [name for name in outcome.metrics if name.endswith("_never")]


def test_a_run_that_is_not_finite_is_worth_the_worst(tmp_path):
    plugin(tmp_path, NOT_NUMBERS, "not_numbers")
    trained = short("people", epochs=40, loss="mean_squared_error", layers=["dense 1"])
    [outcome] = train(trained, [configuration("sgd", learning_rate=1e30)], [0], ["always", "r2"])
    assert outcome.diverged_epoch is not None
    after = outcome.epochs >= outcome.diverged_epoch
    assert after.any()
    assert (outcome.metrics["train_always"][after] == -2.0).all()
    assert (outcome.metrics["train_r2"][after] == -np.inf).all()


def test_what_is_recorded_is_in_an_order_of_its_own(tmp_path):
    """Not in that of loading, which another process may do otherwise."""
    text = '@metric(better="lower", worst=1.0)\ndef {}(p, Y):\n    return p[:, 0, 0]\n'
    digests = {name: plugin(tmp_path, text.format(name), name) for name in ("zulu", "alpha")}
    found = [metric.name for metric in recorded(digests.values())]
    assert found == [*BUILT, "alpha", "zulu"]
    assert [metric.name for metric in recorded([digests["zulu"]])] == [*BUILT, "zulu"]


def test_the_example_plugin_passes_its_own_test():
    load_plugin(ROOT / "experiments" / "plugins" / "macro_f1.py")
    module = sys.modules[metrics["macro_f1"].function.__module__]
    module.test_scores_of_classes_by_hand()


def test_an_edited_plugin_is_another_metric(tmp_path):
    text = '@metric(better="{}", worst=1.0)\ndef edited(p, Y):\n    return p[:, 0, 0]\n'
    first = plugin(tmp_path, text.format("lower"), "edited")
    was = metrics["edited"].quantity
    second = plugin(tmp_path, text.format("lower") + "\n# a remark\n", "edited")
    now = metrics["edited"].quantity
    assert first != second
    assert was.identity != now.identity
    # Back again: what the file holds now counts, not what was loaded last.
    assert plugin(tmp_path, text.format("lower"), "edited") == first
    assert metrics["edited"].quantity == was


def test_a_quantity_says_what_numbers_are():
    fields = {"name": "x", "better": "higher", "worst": 0.0, "label": "x"}
    assert Quantity(**fields).axis() == "x"
    assert Quantity(**fields, best=100.0).axis() == "x (100 is perfect)"
    assert Quantity(**fields, best=1.0, unit="share").axis() == "x, share"
    assert list(columns([Quantity(**fields)], ["train"])) == ["train_x"]
