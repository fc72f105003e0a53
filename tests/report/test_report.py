"""A report computes what its tables, verdicts and figures share once."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

import bench
from bench.figures import style
from bench.figures.paths import landscapes
from bench.tables.bands import curve_bands
from bench.tables.best import best_rows, best_trials
from bench.tables.phases import all_evaluated
from bench.tables.ranges import intervals_or_ranges
from bench.tables.summary import summary_frame
from bench.tables.trials import trials_frame

SPEC = {
    "name": "x",
    "seeds": 3,
    "problem": [{"name": "f", "dataset": "beale", "epochs": 3}],
    "optimizer": [{"rule": ["sgd", "adam"], "learning_rate": [0.01, 0.1]}],
}
TUNING = {"seeds": [7, 8], "criterion": "final_train_loss"}
SHARED = (
    *(trials_frame, summary_frame, best_trials, best_rows, intervals_or_ranges, curve_bands),
    *(all_evaluated, style.looks, landscapes),
)


@pytest.mark.parametrize("tuned", [False, True])
def test_what_a_report_shares_is_computed_once(tmp_path, tuned):
    spec = SPEC | ({"tuning": TUNING} if tuned else {})
    bench.run(spec, out=tmp_path / "x", jobs=1)
    (tmp_path / "x" / ".report.json").unlink()  # so that the next run writes it again
    codes = {function.__code__: function.__name__ for function in SHARED}
    calls: Counter[str] = Counter()

    def count(frame, event, _):
        # By what runs, under whatever name; what a module calls of itself is its own affair.
        code, caller = frame.f_code, frame.f_back and frame.f_back.f_code
        if event == "call" and code in codes and caller.co_filename != code.co_filename:
            calls[codes[code]] += 1

    sys.setprofile(count)
    try:
        bench.run(spec, out=tmp_path / "x", jobs=1)
    finally:
        sys.setprofile(None)
    assert calls == dict.fromkeys(codes.values(), 1)
