"""What a results folder holds, as plain data: enough to report on it without its spec or plugins.

Reading a folder that someone sent must not run code in it, so nothing is taken from its `spec.toml`
or looked up in a registry that a plugin would have to fill.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.plan import rows
from bench.plan.keys import begin, finish
from bench.plan.rows import Texts
from bench.plan.trials import Trial, texts
from bench.spec import claims as claiming
from bench.spec import judging
from bench.spec.claims import Claim
from bench.spec.experiment import Experiment
from bench.spec.judging import Judged
from bench.spec.names import ANY_NAME
from bench.spec.seeds import SEED, UntilDecided, until_of
from bench.spec.tuning import KEYS, Tuning
from nncore.datasets import remarks
from nncore.metrics import EXTENDED, LOSS, PRINTABLE, Columns, Quantity, columns, recorded
from nncore.modifiers import modifiers
from nncore.registry import BUILT_IN
from nncore.rules import rules
from nncore.text import shown
from nncore.trial import Configuration, Problem, Target, is_random
from nncore.values import (
    NUMBER,
    TABLE,
    TEXT,
    YES_OR_NO,
    Values,
    either,
    many,
    record,
    row,
    such,
    table_of,
    values_of,
    whole,
)


def _are_keys(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("([0-9a-f]{64})*", value) is not None


def _is_made_of(kinds: Sequence[Values], value: Any) -> bool:
    """Whether a value of JSON is made of lists, tables and these kinds of values alone."""
    if isinstance(value, dict | list):
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        return all(_is_made_of(kinds, part) for part in inside)
    return any(value in kind for kind in kinds)


# What definitions are made of; those that stand in tables and figures; and what a TOML file is.
DEFINED = (NUMBER, YES_OR_NO, TEXT)
SHOWN = (NUMBER, YES_OR_NO, PRINTABLE)
WRITTEN = (EXTENDED, YES_OR_NO, TEXT)


# What a manifest looks like as JSON, whoever wrote it.
NUMERAL = whole(0, 2**63 - 1)  # what a table's column of integers holds
PROBLEM = record(
    values_of(Problem),
    optional=[f.name for f in dataclasses.fields(Problem) if f.default is not dataclasses.MISSING],
)
CONFIGURATION = record(
    {
        "rule": ANY_NAME,
        "hyperparameters": table_of(NUMBER, keys=ANY_NAME),
        **{name: modifier.values for name, modifier in modifiers.items()},
    },
    optional=modifiers,
)
FORM = record(
    {
        "name": ANY_NAME,
        "problems": many(row(ANY_NAME, PROBLEM)),
        "configurations": many(
            either(row(NUMERAL, ANY_NAME, CONFIGURATION), row(ANY_NAME, CONFIGURATION))
        ),
        "trials": such("a list", lambda value: isinstance(value, list)),
        "keys": such("keys", _are_keys),
        "texts": record({"problems": many(TEXT), "configurations": many(TEXT)}),
        "targets": table_of(table_of(NUMBER, keys=ANY_NAME), keys=ANY_NAME),
        "fixed": many(ANY_NAME),
        "spec": TABLE,
        "tuning": record({**KEYS, "seeds": many(SEED)}, optional=("n", "criterion")),
        "metrics": many(record(values_of(Quantity), optional=("best", "shown", "only"))),
        "recorded": table_of(many(TEXT), keys=ANY_NAME),
        "timed": table_of(many(row(ANY_NAME, NUMBER)), keys=ANY_NAME),
        "judged": table_of(record(judging.OWN), keys=ANY_NAME),
        "remarks": table_of(many(PRINTABLE), keys=ANY_NAME),
        "defaults": table_of(table_of(NUMBER, keys=ANY_NAME), keys=ANY_NAME),
        "claims": many(claiming.FORM, most=claiming.MOST),
    },
    optional=(
        *("keys", "texts", "tuning", "metrics", "recorded", "timed", "judged"),
        *("remarks", "defaults", "claims"),
    ),
)


def built_in() -> tuple[Quantity, ...]:
    """What there is to know of the built-in metrics."""
    return tuple(metric.quantity for metric in recorded())


@dataclass(frozen=True)
class Manifest:
    """An experiment's trials with their keys, the targets of its problems, and its spec as run.

    `fixed` names the problems without randomness, `tuning` says on which seeds configurations were
    chosen and by what, if on seeds of their own. `metrics` has what there is to know of those that
    are recorded, where they apply. `judged` says what problems are judged by, `remarks` what the
    data of a problem gave reason to say, `defaults` the hyperparameters of plugins' rules where a
    spec does not name them, `claims` what the spec says of the results beforehand. `texts` are what
    keys are made of, of problems by name and of configurations by number, where that is known.
    """

    name: str
    trials: tuple[Trial, ...]
    targets: Mapping[str, Mapping[str, float]]
    fixed: frozenset[str]
    spec: Mapping[str, Any]
    tuning: Tuning | None = None
    metrics: tuple[Quantity, ...] = field(default_factory=built_in)
    judged: Mapping[str, Judged] = field(default_factory=dict)
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    texts: Texts = field(default_factory=lambda: ({}, {}), compare=False)

    @property
    def columns(self) -> Columns:
        """The columns of metrics that tables may have, in their order."""
        return columns(self.metrics)

    @cached_property
    def _choosing(self) -> frozenset[int]:
        """The seeds that configurations are chosen on."""
        return frozenset(self.tuning.seeds if self.tuning else ())

    @property
    def evaluation(self) -> tuple[Trial, ...]:
        """The trials that judge, of problems with randomness: all where nothing is tuned."""
        random = (t for t in self.trials if t.problem_name not in self.fixed)
        return tuple(t for t in random if t.seed not in self._choosing)

    @property
    def evaluation_seeds(self) -> dict[str, int]:
        """On how many seeds each problem with randomness is judged."""
        found: dict[str, set[int]] = {}
        for trial in self.evaluation:
            found.setdefault(trial.problem_name, set()).add(trial.seed)
        return {problem: len(seeds) for problem, seeds in found.items()}

    @property
    def until(self) -> UntilDecided | None:
        """The rounds in which seeds are added; None where seeds are fixed."""
        return until_of(self.spec)

    @property
    def problems(self) -> Mapping[str, Problem]:
        """The problems by name, in the order of the trials."""
        return {trial.problem_name: trial.problem for trial in self.trials}

    def judge_of(self, problem: str) -> Judged:
        """What a problem is judged by."""
        return self.judged.get(problem, Judged())

    @property
    def claimed(self) -> tuple[str, ...]:
        """The digests of the claims with their margins, in their order."""
        judged = {name: self.judge_of(name) for name in self.problems}
        return tuple(claim.digest(judged) for claim in self.claims)

    def criterion_of(self, problem: str) -> str:
        """What a problem's configurations are chosen by."""
        own = self.tuning.criterion if self.tuning else None
        return own or self.judge_of(problem).metric

    @property
    def data(self) -> Mapping[str, str]:
        """What problems are told apart by where they are put together: equal texts count as one."""
        if judging.same_data_counts(self.spec):
            return {name: name for name in self.problems}
        definitions = {name: problem.dataset for name, problem in self.problems.items()}
        return {name: json.dumps(data, sort_keys=True) for name, data in definitions.items()}

    @property
    def tuned(self) -> bool:
        """Whether all these trials are for choosing configurations, none for judging them."""
        random = [t for t in self.trials if t.problem_name not in self.fixed]
        return bool(random) and all(t.seed in self._choosing for t in random)

    def phase(self, trial: Trial) -> str:
        """What a trial is for: "tuning" or "evaluation"."""
        if self.tuning is None or trial.problem_name in self.fixed:
            return "tuning"
        return "tuning" if trial.seed in self._choosing else "evaluation"


def of(experiment: Experiment, trials: tuple[Trial, ...]) -> Manifest:
    """The manifest of an experiment and its planned trials."""
    return Manifest(
        experiment.name,
        trials,
        {p.name: p.target for p in experiment.problems},
        frozenset(p.name for p in experiment.problems if not is_random(p.problem)),
        experiment.raw,
        experiment.tuning,
        tuple(m.quantity for m in experiment.metrics),
        {p.name: p.judged for p in experiment.problems},
        {
            p.name: list(map(shown, said))
            for p in experiment.problems
            if (said := remarks(p.problem.dataset))
        },
        _defaults(experiment),
        experiment.claims,
        texts(experiment),
    )


def _defaults(experiment: Experiment) -> dict[str, dict[str, float]]:
    used = (rules[optimizer.rule] for optimizer in experiment.optimizers)
    return {rule.name: dict(rule.hyperparameters) for rule in used if rule.origin != BUILT_IN}


def united(parts: Sequence[Manifest]) -> Manifest:
    """The manifest of one experiment from those of its shards, in the order of the spec.

    All have the whole plan, but for the trials that judge what was chosen.
    """
    trials = {trial.index: trial for part in parts for trial in part.trials}
    return dataclasses.replace(
        parts[-1],
        trials=tuple(trials[index] for index in sorted(trials)),
        targets={name: target for part in parts for name, target in part.targets.items()},
        remarks={name: said for part in parts for name, said in part.remarks.items()},
        defaults={name: values for part in parts for name, values in part.defaults.items()},
        fixed=frozenset().union(*(part.fixed for part in parts)),
        judged={name: judged for part in parts for name, judged in part.judged.items()},
        texts=(
            {name: text for part in parts for name, text in part.texts[0].items()},
            {number: text for part in parts for number, text in part.texts[1].items()},
        ),
    )


def to_json(manifest: Manifest) -> dict[str, Any]:
    """`manifest` as JSON can hold it: definitions once, trials as references to them.

    Trials that follow each other with their seeds are one row: the index, the places of problem and
    configuration and the seed of the first, and how many there are.
    """
    problems: dict[str, int] = {}
    configurations: dict[int, int] = {}
    problem_list, configuration_list = [], []
    last: dict[str, Trial] = {}
    for trial in manifest.trials:
        if trial.problem_name not in problems:
            problems[trial.problem_name] = len(problems)
            problem_list.append([trial.problem_name, trial.problem.content])
        number = trial.configuration_index
        if number not in configurations:
            configurations[number] = len(configurations)
            configuration_list.append([number, trial.optimizer, trial.configuration.content])
        last[trial.problem_name] = trial
    return {
        "name": manifest.name,
        "problems": problem_list,
        "configurations": configuration_list,
        "trials": rows.written(manifest.trials, problems, configurations),
        **rows.keys_or_texts(
            manifest.trials, manifest.texts, manifest.fixed, [*problems], [*configurations]
        ),
        "targets": {name: dict(target) for name, target in manifest.targets.items()},
        "fixed": sorted(manifest.fixed),
        "spec": manifest.spec,
        "metrics": [dataclasses.asdict(quantity) for quantity in manifest.metrics],
        "recorded": {name: list(trial.metrics) for name, trial in last.items()},
        "timed": {name: [[*target] for target in trial.targets] for name, trial in last.items()},
        "judged": {name: dataclasses.asdict(judged) for name, judged in manifest.judged.items()},
        **({"remarks": dict(manifest.remarks)} if manifest.remarks else {}),
        **({"defaults": manifest.defaults} if manifest.defaults else {}),
        **({"claims": [c.content for c in manifest.claims]} if manifest.claims else {}),
        **({"tuning": dataclasses.asdict(manifest.tuning)} if manifest.tuning else {}),
    }


def from_json(values: Mapping[str, Any]) -> Manifest:
    """The manifest that `to_json` wrote. Raises IndexError or ValueError for another.

    Folders from before configurations had numbers are read: there they follow from the spec; those
    from before metrics were listed: theirs are built in; and those with a row and a key for
    every trial.
    """
    if faults := FORM.faults(values):
        raise ValueError(f"is no manifest: {faults[0]!r:.60}")
    for kinds, tables in ((DEFINED, values["problems"]), (SHOWN, values["configurations"])):
        given = [value for *_, table in tables for value in table.values() if value is not None]
        if not _is_made_of(kinds, given):
            raise ValueError("is no manifest: it has values that no spec has")
    if not _is_made_of(WRITTEN, values["spec"]):
        raise ValueError("is no manifest: its spec is none")
    judging.check(values["spec"])
    problems = [(name, _problem(fields)) for name, fields in values["problems"]]
    listed = values["configurations"]
    if any(len(entry) == 2 for entry in listed):
        listed = _numbered(listed, values["spec"])
    configurations = [(number, name, _configuration(fields)) for number, name, fields in listed]
    asked = {name: tuple(metrics) for name, metrics in (values.get("recorded") or {}).items()}
    timed = {
        name: tuple(Target(column, float(value)) for column, value in targets)
        for name, targets in (values.get("timed") or {}).items()
    }
    begun = rows.begun(values)
    runs, keys = rows.read(values, begun)
    trials: list[Trial] = []
    for first, p, c, seed, count in runs:
        problem_name, problem = problems[p]
        number, optimizer, configuration = configurations[c]
        metrics_of, targets_of = asked.get(problem_name, ()), timed.get(problem_name, ())
        hashed = begun and begin(begun[1][c], begun[0][p])
        fixed = problem_name in values["fixed"]
        for i in range(count):
            key = finish(hashed, None if fixed else seed + i) if begun else keys[len(trials)]
            trials.append(
                Trial(
                    index=first + i,
                    problem_name=problem_name,
                    optimizer=optimizer,
                    problem=problem,
                    configuration=configuration,
                    configuration_index=number,
                    seed=seed + i,
                    key=key,
                    metrics=metrics_of,
                    targets=targets_of,
                )
            )
    if rows.repeat(trials):
        raise ValueError("trials repeat")
    if len({number for number, *_ in configurations}) < len(configurations):
        raise ValueError("numbers of configurations repeat")
    tuning, metrics = values.get("tuning"), _quantities(values.get("metrics"))
    known = columns(metrics)
    judged = {name: Judged().of(own) for name, own in (values.get("judged") or {}).items()}
    names = [each.metric for each in judged.values()]
    names += filter(None, [(tuning or {}).get("criterion")])
    judges = [judging.parts_of(name)[1] for name in names]
    if not {*judges, *(m for target in values["targets"].values() for m in target)} <= set(known):
        raise ValueError("what judges, a criterion or a target names no metric")
    claims = _claims(values.get("claims") or (), trials, values["targets"], known)
    return Manifest(
        values["name"],
        tuple(trials),
        {name: {m: float(v) for m, v in goal.items()} for name, goal in values["targets"].items()},
        frozenset(values["fixed"]),
        values["spec"],
        tuning and Tuning(**{**tuning, "seeds": tuple(tuning["seeds"])}),
        metrics,
        judged,
        values.get("remarks") or {},
        values.get("defaults") or {},
        claims,
        rows.texts_of(begun, [name for name, _ in problems], [n for n, *_ in configurations]),
    )


def _claims(
    contents: Sequence[Mapping[str, Any]],
    trials: Sequence[Trial],
    targets: Mapping[str, Mapping[str, float]],
    known: Columns,
) -> tuple[Claim, ...]:
    """The claims that a manifest lists; raises ValueError for one on what it does not have."""
    found = tuple(map(claiming.of_content, contents))
    problems = {trial.problem_name: trial.problem for trial in trials}
    plan: dict[tuple[str, str], dict[int, Configuration]] = {}
    for trial in trials if found else ():
        some = plan.setdefault((trial.problem_name, trial.optimizer), {})
        some[trial.configuration_index] = trial.configuration
    configurations = {place: list(some.values()) for place, some in plan.items()}
    for claim in found:
        claiming.check(claim, problems, configurations, targets, known)
    return found


def _quantities(listed: Sequence[Mapping[str, Any]] | None) -> tuple[Quantity, ...]:
    """The metrics that a manifest lists, the loss among them; raises ValueError for others."""
    if listed is None:
        return built_in()
    found = tuple(Quantity(**fields) for fields in listed)
    names = [quantity.name for quantity in found]
    if LOSS not in names or len({*names}) < len(names):
        raise ValueError("metrics repeat, or the loss is not among them")
    return found


def _problem(fields: Mapping[str, Any]) -> Problem:
    return Problem(**{**fields, "layers": tuple(fields["layers"])})


def _configuration(fields: Mapping[str, Any]) -> Configuration:
    # Manifests once named modifiers that there are not.
    given = {name: fields[name] for name in modifiers if fields.get(name) is not None}
    values = {name: float(value) for name, value in fields["hyperparameters"].items()}
    return Configuration(fields["rule"], values, given)


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
