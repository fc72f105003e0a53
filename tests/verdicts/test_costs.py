"""What epochs cost stands beside times to the target, and decides nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import numpy as np
import pandas as pd

from bench import verdicts
from bench.tables.costs import COLUMNS
from bench.verdicts.costs import priced
from tests.frames import SPACES, TASKS, frames

COSTS = pd.DataFrame(
    [
        ["p", "sgd", 0.5, 0.25, 1.0],
        ["p", "adam", 2.0, 1.0, 4.0],
        ["q", "sgd", np.nan, np.nan, np.nan],
    ],
    columns=COLUMNS,
)
RULES = {"plain": "sgd", "with momentum": "sgd", "adam": "adam"}


def test_times_come_in_gradients_and_in_seconds() -> None:
    """One price for all optimizers of a rule; infinity stays, and what is not known is empty."""
    where = [("p", name) for name in RULES] + [("q", "plain")]
    times = pd.DataFrame(where, columns=["problem", "optimizer"]).assign(
        budget=100.0, median=[10.0, 20.0, np.inf, 7.0], median_low=4.0, median_high=np.inf
    )
    judged = times[["problem", "optimizer"]].assign(rule=times["optimizer"].map(RULES))
    counts = [300, 300, 700, 300]  # adam's evaluate a batch more than once an update
    whole = judged.assign(status="ok", gradient_evaluations=pd.array(counts, "Int64"))
    whole.loc[3, "status"] = "diverged"
    short = judged.assign(status="diverged", gradient_evaluations=pd.array([7] * 4, "Int64"))
    found = priced(times, COSTS, pd.concat([short, whole]))
    assert found[times.columns.to_list()].equals(times)
    expected = {
        "budget_gradient_evaluations": [300, 300, 700, np.nan],
        "median_gradient_evaluations": [30, 60, np.inf, np.nan],
        "median_low_gradient_evaluations": [12, 12, 28, np.nan],
        "epoch_seconds": [0.5, 0.5, 2.0, np.nan],
        "epoch_low_seconds": [0.25, 0.25, 1.0, np.nan],
        "median_seconds": [5, 10, np.inf, np.nan],
        "median_low_seconds": [2, 2, 8, np.nan],
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name].to_numpy(dtype=float), values, err_msg=name)
    seconds = [name.endswith("_seconds") for name in found]
    assert seconds == sorted(seconds), "columns of seconds come last"


def test_a_rule_inside_wrappers_has_a_price_of_its_own() -> None:
    times = pd.DataFrame({"problem": "p", "optimizer": ["adam", "adam + sam"]}).assign(
        budget=100.0, median=10.0, median_low=5.0, median_high=20.0
    )
    judged = times[["problem", "optimizer"]].assign(
        rule="adam", wrap=[np.nan, "sam"], status="ok", gradient_evaluations=[300, 600]
    )
    found = priced(times, COSTS, judged)
    np.testing.assert_array_equal(found["median_seconds"], [20.0, np.nan])
    own = pd.DataFrame({"problem": ["p"], "rule": ["adam + sam"], "epoch_seconds": 4.0}).assign(
        epoch_low_seconds=3.0, epoch_high_seconds=5.0
    )
    found = priced(times, pd.concat([COSTS, own]), judged)
    np.testing.assert_array_equal(found["median_seconds"], [20.0, 40.0])
    np.testing.assert_array_equal(found["median_gradient_evaluations"], [30.0, 60.0])


def test_nothing_hangs_on_what_training_took() -> None:
    """Not a line of the audit, not a sentence, not a table, however unlike the times are."""
    some = frames(TASKS[:2], SPACES, 7)
    found = []
    for slow in ("sgd", "adam"):
        trials = some.trials.assign(train_seconds=np.where(some.trials["rule"] == slow, 9.0, 1e-3))
        tables = type(some)(trials, some.curves, some.summary).tables
        planned, targets = Counter(trials["problem"]), {"spiral": {"train_loss": 0.1}}
        found.append(verdicts.judge(tables, targets=targets, planned=planned))
    one, other = found
    assert one.sentences == other.sentences
    for field in fields(one):
        mine, its = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, pd.DataFrame):
            pd.testing.assert_frame_equal(mine, its, obj=field.name)
    text = " ".join([*one.sentences, *one.audit["message"]])
    assert "epoch of" not in text
    assert not [name for name in one.audit if name.endswith("_seconds")]
