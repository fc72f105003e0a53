"""Twice the problems are twice the work: it is counted, never timed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench import verdicts
from bench.spec.claims import Claim
from bench.tables.headline import Headlines
from bench.verdicts import samples
from bench.verdicts.evidence import SEARCH, Evidence
from nncore.trial import Configuration
from tests.frames import SPACES, Task, frames

FEW = 8


def judging(names: list[str]) -> Callable[[], object]:
    targets = {name: {"train_loss": 0.1} for name in names}
    planned = dict.fromkeys(names, 4)
    tasks = [Task(name, epochs=2, every=1) for name in names]
    tables = frames(tasks, SPACES[:2], 2).timed(targets).tables
    return lambda: verdicts.judge(tables, targets=targets, planned=planned)


def claiming(names: list[str]) -> Callable[[], object]:
    trials = pd.DataFrame({"problem": names, "optimizer": "a", "configuration": 0})
    plan = {(name, "a"): {SEARCH: {0: Configuration("sgd", {})}} for name in names}
    evidence = Evidence(trials, {}, Headlines(), {}, {}, (), {}, plan)
    claim = Claim(text="x", kind="value", problems=tuple(names), optimizers=("a",))
    return lambda: [len(evidence.runs(claim, name, "a")) for name in names]


@pytest.mark.parametrize("step", [judging, claiming])
def test_nothing_looks_for_each_problem_through_the_rows_of_all(
    step: Callable[[list[str]], Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = pd.Series.__eq__

    def work(count: int) -> int:
        looked = 0

        def counted(self: pd.Series, other: Any) -> Any:
            nonlocal looked
            looked += len(self)
            return compare(self, other)

        run = step([f"p{i}" for i in range(count)])
        with monkeypatch.context() as patch:
            patch.setattr(pd.Series, "__eq__", counted)
            run()
        return looked

    assert work(2 * FEW) <= 2 * work(FEW)


def test_problems_are_put_side_by_side_in_one_pass() -> None:
    class Watched(tuple[str, ...]):
        looked = 0

        def __contains__(self, name: object) -> bool:
            Watched.looked += 1
            return super().__contains__(name)

    def work(count: int) -> int:
        Watched.looked, own = 0, Watched("ab")
        some = [samples.Sample(f"p{i}", own, (0, 1), np.ones((2, 2))) for i in range(count)]
        assert len(samples.block(some)) == count
        return Watched.looked

    assert work(2 * FEW) <= 2 * work(FEW)


def test_it_is_told_how_far_every_problem_is() -> None:
    names, gone = [f"p{i}" for i in range(FEW)], dict[str, int]()

    def pace(what: str, items: Sequence[Any]) -> Iterable[Any]:
        gone[what] = len(items)
        return items

    tables = frames([Task(name, epochs=2, every=1) for name in names], SPACES[:2], 2).tables
    verdicts.judge(tables, targets={}, planned=dict.fromkeys(names, 4), pace=pace)
    assert {what for what, count in gone.items() if count >= FEW} >= {
        *("pairs", "problems ranked", "ranges of rates", "searches", "problems audited"),
        "verdicts",
    }
