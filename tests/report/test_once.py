"""What several parts of a run and its report need is computed once and handed down."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bench

ONCE = [
    "bench.spec.experiment.load",
    "bench.plan.trials.trials",
    "bench.tables.winners.winners",
    "bench.report.write.digest",
    "bench.tables.summary.summary_frame",
    "bench.tables.best.best_trials",
    "bench.tables.best.best_rows",
    "bench.tables.ranges.intervals_or_ranges",
    "bench.tables.bands.courses",
    "bench.verdicts.judge",
    "bench.figures.style.looks",
    "bench.figures.paths.landscapes",
]
SPEC: dict[str, Any] = {
    "name": "once",
    "seeds": 3,
    "tuning": {"seeds": 2},
    "problem": [{"dataset": "people", "epochs": 3}, {"dataset": "neuron", "epochs": 3}],
    "optimizer": [
        {"rule": "sgd", "learning_rate": [0.1, 0.5, 1.0], "momentum": [0.0, 0.9]},
        {"rule": "adam", "learning_rate": [0.01, 0.1]},
    ],
}


def count(monkeypatch: pytest.MonkeyPatch, places: list[str]) -> Counter[str]:
    """Calls of functions, whatever module has them under whatever name; not those of their own."""
    calls: Counter[str] = Counter()

    def counted(place: str, function: Callable[..., Any]) -> Callable[..., Any]:
        inside = [False]

        def call(*args: Any, **options: Any) -> Any:
            if inside[0]:
                return function(*args, **options)
            calls[place] += 1
            inside[0] = True
            try:
                return function(*args, **options)
            finally:
                inside[0] = False

        return call

    for module in pkgutil.walk_packages(bench.__path__, "bench."):
        if not module.name.startswith(("bench.studies", "bench.__main__")):
            importlib.import_module(module.name)
    for place in places:
        name, _, attribute = place.rpartition(".")
        function = getattr(sys.modules[name], attribute)
        wrapped = counted(place, function)
        for module_name, loaded in list(sys.modules.items()):
            if module_name.startswith("bench."):
                for known, value in list(vars(loaded).items()):
                    if value is function:
                        monkeypatch.setattr(loaded, known, wrapped)
    return calls


def test_a_tuned_run_and_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count(monkeypatch, ONCE)
    result = bench.run(SPEC, out=tmp_path, jobs=1)
    assert result.files
    assert calls == dict.fromkeys(ONCE, 1)


def test_a_report_that_is_up_to_date_costs_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench.run(SPEC, out=tmp_path, jobs=1)
    calls = count(monkeypatch, ["bench.report.write.digest", "bench.tables.bands.courses"])
    assert bench.run(SPEC, out=tmp_path, jobs=1).files == first.files
    assert calls == {"bench.report.write.digest": 1}
