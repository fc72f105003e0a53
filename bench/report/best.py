"""`best.toml`: the winners as a spec that runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.spec import judging, toml
from bench.spec.judging import Judged
from bench.spec.names import LONGEST
from nncore.modifiers import modifiers
from nncore.trial import Configuration, Problem

if TYPE_CHECKING:
    from bench.tables.bundle import Tables

ENDING = "-best"
BEST_TOML = """\
# The best configuration of every optimizer on every problem, ready to run again: the
# {} over seeds; a diverged trial is the worst.
"""


def best_spec(manifest: Manifest, tables: Tables) -> str:
    """`best.toml`: the winners as a spec that runs, on the seeds that judged them."""
    from bench.tables.headline import criterion_words
    from bench.tables.phases import all_evaluated

    judged = tables.runs
    ran = (judged["status"] != "crashed").groupby([judged["problem"], judged["optimizer"]])
    judged = judged[ran.transform("any")]
    first = judged.drop_duplicates(["problem", "optimizer"])["trial"]
    by_index = {t.index: t for t in manifest.plan.only(first)}
    winners = [by_index[index] for index in first]
    judges = manifest.plan
    if all_evaluated(tables.trials, manifest.fixed):
        judges = manifest.evaluation
    spec: dict[str, Any] = {
        "name": f"{manifest.name[: LONGEST - len(ENDING)]}{ENDING}",
        "seeds": manifest.spec["seeds"] if manifest.until else _seeds(judges),
    }
    if plugins := manifest.spec.get("plugins"):
        spec["plugins"] = plugins
    if judging.same_data_counts(manifest.spec):
        spec["same_data_counts"] = True
    won = {t.problem_name for t in winners}
    spec["problem"] = [
        _problem_table(name, problem, manifest.targets.get(name), manifest.judge_of(name))
        for name, problem in manifest.problems.items()
        if name in won
    ]
    # An optimizer that wins with several configurations has a table for each, of one name: on
    # every problem it is that problem's.
    spaces: dict[int, dict[str, Any]] = {}
    for trial in winners:
        new = _optimizer_table(trial.optimizer, trial.configuration)
        spaces.setdefault(trial.configuration_index, new)["problems"].append(trial.problem_name)
    spec["optimizer"] = [spaces[number] for number in sorted(spaces)]
    return BEST_TOML.format(criterion_words(manifest)) + "\n" + toml.dumps(spec)


def _seeds(plan: Plan) -> int | list[int]:
    """The seeds of trials as a spec has them: a number where they are the first ones."""
    seeds = np.unique(plan.seeds).tolist()
    return len(seeds) if seeds == [*range(len(seeds))] else seeds


def _problem_table(
    name: str, problem: Problem, target: Mapping[str, float] | None, judged: Judged
) -> dict[str, Any]:
    fields = {"name": name, "batch_size": "full", **problem.content}
    usual = Judged()
    own: dict[str, Any] = {} if judged.metric == usual.metric else {"metric": judged.metric}
    own |= {} if judged.margin == usual.margin else {"margin": asdict(judged.margin)}
    return fields | own | ({"target": dict(target)} if target else {})


def _optimizer_table(name: str, configuration: Configuration) -> dict[str, Any]:
    """An optimizer's table, on no problem yet."""
    values = configuration.hyperparameters
    own = {key.removeprefix("bias."): v for key, v in values.items() if key.startswith("bias.")}
    return {
        "name": name,
        "rule": configuration.rule,
        "problems": [],
        **{key: value for key, value in values.items() if not key.startswith("bias.")},
        **({"bias": own} if own else {}),
        **_modifiers(configuration),
    }


def _modifiers(configuration: Configuration) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in configuration.modifiers.items():
        found |= modifiers[name].keys(value)
    return found
