"""Realistic frames without training: several problems, optimizers and seeds, some runs diverged."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bench import stats
from bench.plan.variance import Design
from bench.store.records import EVALUATIONS
from bench.tables.bands import CURVE_BANDS, EMPTY, Course
from bench.tables.best import best_trials
from bench.tables.bundle import Tables
from bench.tables.costs import COLUMNS
from bench.tables.curves import LEADING
from bench.tables.headline import Headlines
from bench.tables.summary import summary_frame
from bench.tables.variance import Twins
from nncore.metrics import BUILT_IN_COLUMNS, TRAIN_LOSS, Columns

SCORES = {"classes": "accuracy", "regression": "r2", "plain": None}


@dataclass(frozen=True)
class Frames:
    trials: pd.DataFrame
    curves: pd.DataFrame
    summary: pd.DataFrame
    varied: bool = False

    @property
    def tables(self) -> Tables:
        """What verdicts and figures are made from."""
        runs = best_trials(self.trials)
        twins = tuple(_twins(runs)) if self.varied else ()
        course = course_of(runs, self.curves)
        return Tables(self.trials, self.summary, runs, course, costs=self.costs, twins=twins)

    @property
    def costs(self) -> pd.DataFrame:
        """What an epoch costs: rules differ by less than their spread, and by more."""
        pairs = self.trials[["problem", "rule"]].drop_duplicates().reset_index(drop=True)
        seconds = 1e-4 * (1 + pairs.groupby("problem").cumcount()) ** 2
        columns = [pairs["problem"], pairs["rule"], seconds, 0.6 * seconds, 1.4 * seconds]
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))

    def timed(self, targets: Mapping[str, Mapping[str, float]]) -> Frames:
        """Frames whose trials have the epochs at which their curves first reach `targets`."""
        trials = self.trials.copy()
        for problem, column in ((p, c) for p, own in targets.items() for c in own):
            if column in self.curves:
                goal, curves = targets[problem][column], self.curves
                there = curves[column] <= goal if "loss" in column else curves[column] >= goal
                first = curves[there].groupby("trial")["epoch"].min()
                mine = (trials["problem"] == problem) & trials["trial"].isin(curves["trial"])
                reached = trials.loc[mine, "trial"].map(first).astype(float).fillna(np.inf)
                trials.loc[mine, f"time_to_{column}"] = reached
        return replace(self, trials=trials)

    def changed(
        self,
        curve: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
        names: Mapping[str, str] | None = None,
        status: str | None = None,
    ) -> Frames:
        """Frames whose curves went through `curve`, finals with them; names and status replaced."""
        trials, curves = self.trials.copy(), self.curves.copy()
        curves = curve(curves) if curve else curves
        last = curves.groupby("trial").last()
        for name in last.columns.drop([*LEADING[1:], "epoch"]):
            trials[f"final_{name}"] = last[name].reindex(trials["trial"]).to_numpy()
        for frame, column in itertools.product((trials, curves), ("problem", "optimizer")):
            frame[column] = frame[column].map(lambda n: (names or {}).get(n, n))
        if status:
            trials["status"] = status
            trials["diverged_epoch"] = pd.array([50] * len(trials), "Int64")
        return costed(trials, curves)


def course_of(
    runs: pd.DataFrame, curves: pd.DataFrame, metrics: Columns = BUILT_IN_COLUMNS
) -> Course:
    """What `bench.tables.bands.courses` says of these runs, from the rows of `curves.csv`."""
    mine = curves[curves["trial"].isin(runs["trial"])].sort_values("trial", kind="stable")
    names = [str(name) for name in curves if name not in (*LEADING, "epoch", EVALUATIONS)]
    rows, counted = [], []
    for (problem, optimizer), some in mine.groupby(["problem", "optimizer"], sort=False):
        own = runs[(runs["problem"] == problem) & (runs["optimizer"] == optimizer)]
        gone = own.loc[own["status"] == "diverged", "diverged_epoch"].to_numpy(dtype=float)
        there = [n for n in names if n == TRAIN_LOSS or some[n].notna().any()]
        for name, (epoch, part) in itertools.product(there, some.groupby("epoch")):
            values = part[name].fillna(metrics[name].worst)
            low, median, high = (float(stats.quantile(values, q)) for q in (0.25, 0.5, 0.75))
            last = epoch == some["epoch"].max()
            lost = len(gone) if last else int((gone <= epoch).sum())
            rows.append((problem, optimizer, name, epoch, len(part), lost, low, median, high))
        if EVALUATIONS in some:
            middle = some.groupby("epoch")[EVALUATIONS].median().astype(float)
            told = {"problem": problem, "optimizer": optimizer, "epoch": middle.index}
            counted.append(pd.DataFrame({**told, EVALUATIONS: middle.to_numpy()}))
    first = mine[mine["epoch"] == 0]
    return Course(
        pd.DataFrame(rows, columns=CURVE_BANDS),
        first[["problem", "seed", TRAIN_LOSS]].reset_index(drop=True),
        pd.concat(counted, ignore_index=True) if counted else EMPTY.counted,
    )


def _twins(runs: pd.DataFrame) -> Iterator[Twins]:
    """Runs of all streams on the first problem, without order on others; some have diverged."""
    rng, first = np.random.default_rng(0), runs["problem"].iloc[0]
    chosen = runs[["problem", "optimizer", "configuration"]].drop_duplicates()
    for problem, optimizer, number in chosen[chosen["problem"] != "neuron"].itertuples(index=False):
        streams = ("data", "start", "order")[: 3 if problem == first else 2]
        absent = {} if problem == first else {"order": "the batch is full"}
        parts = (
            rng.standard_normal((2, len(streams), 50))
            * np.array([[[3], [2], [1]]])[:, : len(streams)]
        )
        logs = [parts[0].sum(axis=0)]
        logs += [logs[0] - one + other for one, other in zip(*parts, strict=True)]
        costs = np.exp(np.stack(logs, axis=1))
        costs[:3, 1] = np.inf if optimizer == chosen["optimizer"].iloc[-1] else costs[:3, 1]
        design = Design(problem, optimizer, number, streams, absent, tuple(range(50)), ())
        yield Twins(design, costs, np.isinf(costs), np.zeros(costs.shape, bool))


def costed(trials: pd.DataFrame, curves: pd.DataFrame, fixed: Collection[str] = ()) -> Frames:
    """Frames with the cost of the usual headline, in trials and summary."""
    trials = Headlines().costed(trials)
    return Frames(trials, curves, summary_frame(trials, fixed))


@dataclass(frozen=True)
class Task:
    """A problem: what it measures, where its loss begins, and how far below it may get."""

    name: str
    kind: str = "classes"
    start: float = 1.0986
    decades: float = 2.5
    epochs: int = 2000
    every: int = 100
    validation: bool = True
    fixed: bool = False


@dataclass(frozen=True)
class Space:
    """An optimizer: its values, its ideal rate, and the rate above which it tends to diverge."""

    name: str
    rule: str
    values: Mapping[str, Sequence[Any]]
    ideal: float
    limit: float
    strength: float = 1.0
    problems: Sequence[str] | None = None


TASKS = (
    Task("spiral", epochs=10_001),
    Task("vertical", decades=0.6, epochs=300, every=15),
    Task("log_linear", "regression", start=4.7, decades=3.5, epochs=501, every=25),
    Task(
        "neuron", "plain", start=36.0, decades=8, epochs=200, every=10, validation=False, fixed=True
    ),
)
RATES = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0]
SMALL = [1e-4, 3.16e-4, 1e-3, 3.16e-3, 0.01, 0.0316, 0.1]
DECAYS = [0.0, 1e-3, 1e-2]
SPACES = (
    Space(
        "sgd", "sgd", {"learning_rate": RATES, "decay": DECAYS, "momentum": [0.0]}, 1.0, 4.0, 0.6
    ),
    Space(
        "sgd + momentum",
        "sgd",
        {"learning_rate": RATES, "decay": DECAYS, "momentum": [0.5, 0.7, 0.9]},
        0.5,
        1.5,
        0.9,
    ),
    Space("adagrad", "adagrad", {"learning_rate": RATES, "decay": DECAYS}, 0.5, 5.0, 0.7),
    Space(
        "rmsprop",
        "rmsprop",
        {"learning_rate": SMALL, "decay": DECAYS, "rho": [0.9]},
        5e-3,
        0.05,
        0.8,
    ),
    Space(
        "adam", "adam", {"learning_rate": SMALL, "decay": DECAYS, "beta_1": [0.9]}, 2e-2, 0.2, 1.0
    ),
)


def frames(
    tasks: Sequence[Task] = TASKS, spaces: Sequence[Space] = SPACES, seeds: int = 10
) -> Frames:
    """All trials of `spaces` on `tasks`."""
    rows: list[dict[str, Any]] = []
    parts: list[pd.DataFrame] = []
    numbers: dict[tuple[str, tuple[Any, ...]], int] = {}
    for space in spaces:
        for values in itertools.product(*space.values.values()):
            numbers[space.name, values] = len(numbers)
    for task, space in itertools.product(tasks, spaces):
        if space.problems is not None and task.name not in space.problems:
            continue
        for values in itertools.product(*space.values.values()):
            chosen = dict(zip(space.values, values, strict=True))
            for seed in range(1 if task.fixed else seeds):
                row, curve = _trial(task, space, chosen, seed, len(rows))
                rows.append({**row, "configuration": numbers[space.name, values]})
                parts.append(curve)
    return assemble(rows, parts)


def assemble(rows: Sequence[Mapping[str, Any]], parts: Sequence[pd.DataFrame]) -> Frames:
    """Frames from rows of trials and their curves, columns in the order of the real ones."""
    trials = pd.DataFrame(rows)
    known = ["trial", "problem", "optimizer", "rule", "configuration", "seed"]
    ending = ["status", "diverged_epoch", "improved", "above_constant"]
    finals = [c for c in trials if c.startswith("final_")]
    own = [c for c in trials if c not in {*known, *ending, *finals, "key"}]
    trials = trials[[*known, *own, *ending, *finals, "key"]]
    trials["diverged_epoch"] = trials["diverged_epoch"].astype("Int64")
    curves = pd.concat(parts, ignore_index=True)
    mine = trials.set_index("trial").loc[curves["trial"], LEADING[1:]].reset_index()
    curves = pd.concat([mine, curves.drop(columns="trial")], axis=1)
    return costed(trials, curves)


NINE = [
    Space(f"003: {rule}, number {n}", rule, {"learning_rate": [rate]}, 0.5, 5.0, 0.4 + 0.07 * n)
    for n, (rule, rate) in enumerate([("sgd", 1.0)] * 6 + [("adagrad", 1.0)] * 2 + [("adam", 0.05)])
]
HARD = {
    "spiral": "../../$x_1$ spiral: a name of many words that goes on until it fills a line",
    "log_linear": "Spiral_2 $x_1$",
    "sgd": "_sgd $w_i$ with \\frac{1}{2} 50% & {braces} and a name as long as it may be",
    "adam": "$\\alpha$",
    "rmsprop": "最適化",
}


CROWD = [
    Space(f"number {n:02}", "sgd", {"learning_rate": [0.1, 1.0]}, 0.5, 0.6 + 0.2 * n, 0.3 + s)
    for n, s in enumerate([0.4, 0.1, 0.9, 0.3, 0.0, 0.7, 0.5, 0.2, 0.8, 1.0, 0.6, 1.1])
]  # the more of them, the less they diverge; their order is not that of their losses


def _coarse(space: Space) -> Space:
    return replace(space, values={name: values[::2] for name, values in space.values.items()})


def _constant(metric: str, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda curves: curves.assign(**{metric: value})


def _zeros(curves: pd.DataFrame) -> pd.DataFrame:
    return curves.assign(train_loss=curves["train_loss"].where(curves["epoch"] < 150, 0.0))


def _crashed(frames: Frames) -> Frames:
    trials, curves = frames.trials.copy(), frames.curves
    gone = (trials["optimizer"] == "sgd") | (trials["seed"] == 1)
    curves = curves[~curves["trial"].isin(trials.loc[gone, "trial"])]
    metrics = [c for c in trials if c.startswith("final_")]
    trials.loc[gone, "status"] = "crashed"
    trials.loc[gone, "diverged_epoch"] = pd.NA
    trials.loc[gone, metrics] = np.nan
    return costed(trials, curves)


@functools.cache
def cases() -> dict[str, Frames]:
    """Normal frames, and every kind that has little, too much or nothing to show."""
    small = [replace(task, epochs=300, every=50) for task in (TASKS[0], TASKS[2], TASKS[3])]
    spaces = [_coarse(space) for space in (SPACES[0], SPACES[1], SPACES[4])]
    few, two = (frames(tasks, spaces, 7) for tasks in (small, small[:2]))
    one = frames(small[:1], spaces, 4)
    return {
        "normal": replace(few, varied=True),
        "one seed": frames(small[:1], spaces, 1),
        "three seeds": frames(small[:1], spaces, 3),
        "two records": frames([replace(small[0], epochs=1, every=1)], spaces, 7),
        "many seeds": frames(
            TASKS[1:2], [replace(SPACES[4], values={"learning_rate": [0.1, 1.0]})], 300
        ),
        "nine single": frames(small[:1], NINE, 7),
        "single and tuned": frames(small[:1], [*NINE[:3], *spaces], 3),
        "one optimizer": frames(
            small[:1], [replace(SPACES[0], values={"learning_rate": [1.0]})], 1
        ),
        "crowd": frames([replace(t, fixed=False) for t in small], CROWD, 7),
        "hard names": replace(two.changed(names=HARD), varied=True),
        "all diverged": one.changed(_constant("train_loss", np.inf), status="diverged"),
        "runaway": one.changed(_constant("train_loss", 10.7), status="diverged"),
        "constant": one.changed(_constant("train_loss", 1.0986)),
        "only zeros": one.changed(_constant("train_loss", 0.0)),
        "zeros": one.changed(_zeros),
        "NaN": one.changed(_constant("train_loss", np.nan)),
        "huge": one.changed(
            lambda c: c.assign(train_loss=c["train_loss"] * 10.0 ** (c["epoch"] % 299))
        ),
        "tiny": one.changed(lambda c: c.assign(train_loss=c["train_loss"] * 1e-300)),
        "crashed": _crashed(one),
    }


def _trial(
    task: Task, space: Space, values: Mapping[str, Any], seed: int, index: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    rng = np.random.default_rng([seed, len(task.name)])
    noise = rng.standard_normal(4)
    epochs = np.unique([*range(0, task.epochs + 1, task.every), task.epochs])
    effective = values["learning_rate"] / (1 - values.get("momentum", 0.0)) ** 0.7
    slow = values.get("decay", 0.0) * task.epochs / 20
    off = np.log10(effective / (1 + slow) / space.ideal)
    reach = task.decades * space.strength * np.exp(-0.35 * off**2) * (1 + 0.1 * noise[0])
    time = epochs / (0.15 * task.epochs * (1 + abs(off)))
    loss = task.start * 10 ** (-reach * (1 - np.exp(-time)))
    wobble = np.random.default_rng([seed, index]).standard_normal(len(epochs))
    loss[1:] *= np.exp(0.05 * wobble[1:] * (1 + max(off, 0)))
    diverged = np.log10(effective / space.limit) + 0.35 * noise[1] > 0.2
    epoch = None
    if diverged:
        epoch = int(task.epochs * rng.uniform(0.02, 0.6))
        loss[epochs >= epoch] = np.inf
    metrics = {"train_loss": loss}
    score = SCORES[task.kind]
    finite = np.where(np.isfinite(loss), loss, task.start)
    right = 1 - 0.66 * finite / task.start if score == "accuracy" else 1 - finite / task.start * 1.2
    worst = 0.0 if score == "accuracy" else -np.inf
    if score:
        metrics[f"train_{score}"] = np.where(np.isfinite(loss), right, worst)
    if task.validation:
        metrics["validation_loss"] = loss + 0.12 * task.start * (1 - np.exp(-time)) ** 2
        if score:
            metrics[f"validation_{score}"] = np.where(np.isfinite(loss), right * 0.93, worst)
    row = {
        "trial": index,
        "problem": task.name,
        "optimizer": space.name,
        "rule": space.rule,
        "seed": seed,
        **values,
        "status": "diverged" if diverged else "ok",
        "diverged_epoch": epoch,
        "improved": bool(loss[-1] < loss[0]),
        "above_constant": bool(not diverged and task.start < 2 * loss[-1] and loss[-1] < loss[0]),
        **{f"final_{name}": float(v[-1]) for name, v in metrics.items()},
        "key": f"{index:064x}",
    }
    return row, pd.DataFrame({"trial": index, "epoch": epochs, **metrics})
