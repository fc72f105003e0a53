"""`best.toml`: the winners as a spec that runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bench.plan.manifest import Manifest
from bench.plan.trials import Trial
from bench.spec import toml
from nncore.trial import Problem

if TYPE_CHECKING:
    import pandas as pd


BEST_TOML = """\
# The best configuration of every optimizer on every problem, ready to run again: the
# {} over seeds; diverged trials count as infinite.
"""


def best_spec(manifest: Manifest, trials: pd.DataFrame) -> str:
    """`best.toml`: the winners as a spec that runs, on the seeds that judged them."""
    from bench.tables.best import best_trials
    from bench.tables.phases import all_evaluated

    by_index = {t.index: t for t in manifest.trials}
    judged = best_trials(trials)
    ran = (judged["status"] != "crashed").groupby([judged["problem"], judged["optimizer"]])
    judged = judged[ran.transform("any")]
    first = judged.drop_duplicates(["problem", "optimizer"])["trial"]
    winners = [by_index[index] for index in first]
    judges = manifest.trials
    if all_evaluated(trials, manifest.fixed):
        judges = tuple(t for t in judges if manifest.phase(t) == "evaluation")
    spec: dict[str, Any] = {
        "name": f"{manifest.name}-best",
        "seeds": sorted({t.seed for t in judges}),
    }
    if plugins := manifest.spec.get("plugins"):
        spec["plugins"] = plugins
    spec["problem"] = [
        _problem_table(name, problem) | ({"target": dict(target)} if target else {})
        for name, problem in {t.problem_name: t.problem for t in winners}.items()
        for target in [manifest.targets.get(name)]
    ]
    on = Counter(t.optimizer for t in winners)
    spec["optimizer"] = [
        _optimizer_table(trial, alone=on[trial.optimizer] == 1) for trial in winners
    ]
    by = (
        manifest.tuning.words(manifest.columns)
        if manifest.tuning
        else "lowest median final training loss"
    )
    return BEST_TOML.format(by) + "\n" + toml.dumps(spec)


def _problem_table(name: str, problem: Problem) -> dict[str, Any]:
    fields = {"name": name, **vars(problem), "layers": list(problem.layers)}
    return fields | {"batch_size": problem.batch_size or "full"}


def _optimizer_table(trial: Trial, *, alone: bool) -> dict[str, Any]:
    configuration = trial.configuration
    table: dict[str, Any] = {
        "name": trial.optimizer if alone else f"{trial.optimizer} ({trial.problem_name})",
        "rule": configuration.rule,
        "problems": [trial.problem_name],
    }
    for name, value in configuration.hyperparameters.items():
        part, dot, own = name.partition(".")
        if dot:
            table.setdefault(part, {})[own] = value
        else:
            table[name] = value
    for name in ("schedule", "clip_norm", "clip_value"):
        if getattr(configuration, name) is not None:
            table[name] = getattr(configuration, name)
    return table
