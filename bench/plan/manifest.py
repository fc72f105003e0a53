"""What a results folder holds, as plain data: enough to report on it without its spec or plugins.

Reading a folder that someone sent must not run code in it, so nothing is taken from its `spec.toml`
or looked up in a registry that a plugin would have to fill.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import NonNegativeInt, StringConstraints, TypeAdapter

from bench.plan.trials import Trial
from bench.spec.experiment import Experiment
from bench.spec.problems import Name
from bench.spec.tuning import Tuning
from nncore.trial import Configuration, Problem, is_random

Place = NonNegativeInt


@dataclass(frozen=True)
class _Form:
    """What a manifest looks like as JSON, whoever wrote it."""

    name: Name
    problems: list[tuple[Name, Problem]]
    configurations: list[tuple[Place, Name, Configuration]]
    trials: list[tuple[NonNegativeInt, Place, Place, int]]
    keys: Annotated[str, StringConstraints(pattern="^[0-9a-f]*$")]
    targets: dict[Name, dict[Name, float]]
    fixed: list[Name]
    spec: dict[str, Any]
    tuning: Tuning | None = None


@dataclass(frozen=True)
class Manifest:
    """An experiment's trials with their keys, the targets of its problems, and its spec as run.

    `fixed` names the problems without randomness, `tuning` says on which seeds configurations were
    chosen and by what, if on seeds of their own.
    """

    name: str
    trials: tuple[Trial, ...]
    targets: Mapping[str, Mapping[str, float]]
    fixed: frozenset[str]
    spec: Mapping[str, Any]
    tuning: Tuning | None = None

    @property
    def tuned(self) -> bool:
        """Whether all these trials are for choosing configurations, none for judging them."""
        seeds = set(self.tuning.seeds) if self.tuning else set()
        random = [t for t in self.trials if t.problem_name not in self.fixed]
        return bool(random) and all(t.seed in seeds for t in random)

    def phase(self, trial: Trial) -> str:
        """What a trial is for: "tuning" or "evaluation"."""
        if self.tuning is None or trial.problem_name in self.fixed:
            return "tuning"
        return "tuning" if trial.seed in set(self.tuning.seeds) else "evaluation"


def of(experiment: Experiment, trials: tuple[Trial, ...]) -> Manifest:
    """The manifest of an experiment and its planned trials."""
    return Manifest(
        experiment.name,
        trials,
        {p.name: p.target for p in experiment.problems},
        frozenset(p.name for p in experiment.problems if not is_random(p.problem)),
        experiment.raw,
        experiment.tuning,
    )


def united(parts: Sequence[Manifest]) -> Manifest:
    """The manifest of one experiment from those of its shards, in the order of the spec.

    All have the whole plan, but for the trials that judge what was chosen.
    """
    trials = {trial.index: trial for part in parts for trial in part.trials}
    return dataclasses.replace(
        parts[-1],
        trials=tuple(trials[index] for index in sorted(trials)),
        targets={name: target for part in parts for name, target in part.targets.items()},
        fixed=frozenset().union(*(part.fixed for part in parts)),
    )


def to_json(manifest: Manifest) -> dict[str, Any]:
    """`manifest` as JSON can hold it: definitions once, trials as references to them."""
    problems: dict[str, int] = {}
    configurations: dict[int, int] = {}
    problem_list, configuration_list, rows, keys = [], [], [], []
    for trial in manifest.trials:
        if trial.problem_name not in problems:
            problems[trial.problem_name] = len(problems)
            problem_list.append([trial.problem_name, dataclasses.asdict(trial.problem)])
        number = trial.configuration_index
        if number not in configurations:
            configurations[number] = len(configurations)
            fields = dataclasses.asdict(trial.configuration)
            configuration_list.append([number, trial.optimizer, fields])
        places = problems[trial.problem_name], configurations[number]
        rows.append([trial.index, *places, trial.seed])
        keys.append(trial.key)
    return {
        "name": manifest.name,
        "problems": problem_list,
        "configurations": configuration_list,
        "trials": rows,
        "keys": "".join(keys),
        "targets": {name: dict(target) for name, target in manifest.targets.items()},
        "fixed": sorted(manifest.fixed),
        "spec": manifest.spec,
        **({"tuning": dataclasses.asdict(manifest.tuning)} if manifest.tuning else {}),
    }


def from_json(values: Mapping[str, Any]) -> Manifest:
    """The manifest that `to_json` wrote. Raises KeyError, TypeError or ValueError for another.

    Folders from before configurations had numbers are read: there they follow from the spec.
    """
    if any(len(entry) == 2 for entry in values["configurations"]):
        values = {**values, "configurations": _numbered(values["configurations"], values["spec"])}
    form = TypeAdapter(_Form).validate_python(values)
    width = 64
    keys = [form.keys[i : i + width] for i in range(0, len(form.keys), width)]
    trials = []
    for (index, p, c, seed), key in zip(form.trials, keys, strict=True):
        problem_name, problem = form.problems[p]
        number, optimizer, configuration = form.configurations[c]
        trials.append(
            Trial(
                index=index,
                problem_name=problem_name,
                optimizer=optimizer,
                problem=problem,
                configuration=configuration,
                configuration_index=number,
                seed=seed,
                key=key,
            )
        )
    # Two optimizers may share a trial; one cannot count it twice.
    places = {(t.problem_name, t.optimizer, t.key) for t in trials}
    if len({t.index for t in trials}) < len(trials) or len(places) < len(trials):
        raise ValueError("trials repeat")
    if len({number for number, *_ in form.configurations}) < len(form.configurations):
        raise ValueError("numbers of configurations repeat")
    return Manifest(
        form.name,
        tuple(trials),
        form.targets,
        frozenset(form.fixed),
        form.spec,
        form.tuning,
    )


def _numbered(
    configurations: Sequence[Sequence[Any]], spec: Mapping[str, Any]
) -> list[tuple[int, Any, Any]]:
    """Configurations `(optimizer, fields)` of a manifest without numbers, with them.

    They stand in the order in which trials meet them, problem by problem; a spec whose optimizers
    are limited to problems may have them in another, that of its tables.
    """
    tables = spec["optimizer"]
    tables = tables if isinstance(tables, list) else [tables]

    def table(place: int) -> int:
        """The first table that an optimizer comes from; those of one stand in order already."""
        optimizer = str(configurations[place][0])
        named = (i for i, table in enumerate(tables) if _names(table, optimizer))
        return next(named, len(tables))

    order = sorted(range(len(configurations)), key=table)
    numbers = {place: number for number, place in enumerate(order)}
    return [(numbers[place], *entry) for place, entry in enumerate(configurations)]


def _names(table: Mapping[str, Any], optimizer: str) -> bool:
    """Whether an optimizer is one of those that a spec's table makes."""
    if "name" in table:
        name = str(table["name"])
        return optimizer == name or optimizer.startswith(f"{name} (rule=")
    rules = table["rule"]
    return optimizer in (rules if isinstance(rules, list) else [rules])
