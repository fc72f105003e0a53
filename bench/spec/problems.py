"""`[[problem]]` tables: each becomes one problem, or several where it holds lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.spec import judging
from bench.spec.consistency import Consistency
from bench.spec.expand import choices, cross, table_choices
from bench.spec.mistakes import Mistakes, nearest, quote, unknown_keys
from bench.spec.named import definition, is_known, is_list
from bench.spec.names import NAME, apart, path_of
from nncore.datasets import datasets, default_problem
from nncore.initializers import BIASES, initializers
from nncore.layers import layers, parse
from nncore.losses import losses
from nncore.metrics import Columns, Metric, applicable, columns
from nncore.trial import Problem
from nncore.values import NUMBER, TABLE, TEXT, either, one_of, values_of

MOST = 10_000
FIELDS = values_of(Problem)
# The keys of a table: those of a problem, some of which a spec may write shorter, and two more.
KEYS = {
    **FIELDS,
    "name": NAME,
    "dataset": either(TEXT, TABLE).saying("a dataset's name or table"),
    "initializer": either(TEXT, TABLE).saying("an initializer's name or table"),
    "batch_size": either(FIELDS["batch_size"], one_of("full")),
    "target": TABLE.saying("a table such as { loss = 0.5 }"),
    **judging.OWN,
}
PLAIN = ("name", *judging.OWN)  # of these there is one, which makes no other problem


@dataclass(frozen=True)
class NamedProblem:
    """A problem with its name in the spec, the metrics' values that count as solved, its judge."""

    name: str
    problem: Problem
    target: Mapping[str, float]
    judged: judging.Judged


class ProblemReader:
    """Reads `[[problem]]` tables; `dtype` is the spec's, `seed` draws the data that sizes need.

    Targets may name those of `metrics` that apply to their problem, which is `judged` as others are
    unless its table says otherwise.
    """

    def __init__(
        self,
        dtype: str,
        seed: int,
        metrics: Sequence[Metric],
        judged: judging.Judged,
        mistakes: Mistakes,
    ) -> None:
        self.dtype, self.metrics, self.mistakes = dtype, metrics, mistakes
        self.judged = judged
        self.consistency = Consistency(seed, mistakes)

    def read(self, tables: Sequence[Mapping[str, Any]]) -> dict[str, list[NamedProblem]]:
        """Problems by the name of their table, or of their dataset where the table has none."""
        found: dict[str, list[NamedProblem]] = {}
        for number, table in enumerate(tables, start=1):
            path = path_of("problem", table, number)
            for name, problems in self._table(table, path).items():
                taken = {problem.name for group in found.values() for problem in group} | {*found}
                # A table named "spiral (epochs=5)" may meet the problem that another one makes.
                for twice in sorted(taken & {name, *(problem.name for problem in problems)}):
                    self.mistakes.add(
                        path,
                        f'there is another problem "{twice}"; give each table a name of its own, '
                        'name = "..."',
                    )
                found[name] = problems
        return found

    def _table(self, table: Mapping[str, Any], path: str) -> dict[str, list[NamedProblem]]:
        unknown_keys(table, KEYS, path, self.mistakes)
        axes = {
            key: self._axis(key, value, f"{path}.{key}")
            for key, value in table.items()
            if key in KEYS
        }
        if "dataset" not in table:
            self.mistakes.add(f"{path}.dataset", f"is missing; known: {', '.join(datasets)}")
            return {}
        # A key that is wrong is taken as left out, so that the others are checked all the same.
        broken = {key for key, values in axes.items() if values is None}
        good = {key: values for key, values in axes.items() if values is not None}
        groups: dict[str, dict[str, tuple[Mapping[str, Any], NamedProblem]]] = {}
        for concrete in cross(good, path, self.mistakes, MOST) if "dataset" in good else []:
            name = concrete.get("name") or concrete["dataset"]["name"]
            group = groups.setdefault(name, {})
            problem = self._resolve(name, concrete, path, broken)
            if problem is not None:
                group.setdefault(repr(problem), (concrete, problem))
        return {name: _named(name, list(group.values())) for name, group in groups.items()}

    def _axis(self, key: str, value: Any, path: str) -> list[Any] | None:
        """The checked values of one key; None when any of them is wrong, which is noted."""
        before = self.mistakes.count
        if key in ("dataset", "initializer"):
            registry = datasets if key == "dataset" else initializers
            values = table_choices(
                value, path, self.mistakes, lambda parameter: is_list(registry, parameter)
            )
        elif key == "target" and isinstance(value, dict):
            values = table_choices(value, path, self.mistakes, lambda parameter: False)
        elif key in PLAIN:
            values = [value]
        else:
            values = choices(value, path, self.mistakes, native=key == "layers")
        for item in values:
            if self.mistakes.expect(KEYS[key], item, path):
                self._check_meaning(key, item, path)
        return values if self.mistakes.count == before else None

    def _check_meaning(self, key: str, value: Any, path: str) -> None:
        if key == "dataset":
            definition(datasets, value, path, self.mistakes)
        elif key == "initializer" and "name" in value:
            self._initializer(value, path)
        elif key == "loss":
            is_known(losses, value, path, self.mistakes)
        elif key == "layers":
            try:
                parse(value)
            except ValueError as error:
                known = all(text.split()[0] in layers for text in value if text.strip())
                if self.mistakes.incomplete and not known:
                    self.mistakes.doubt()
                else:
                    self.mistakes.add(path, str(error))

    def _initializer(self, table: Mapping[str, Any], path: str) -> dict[str, Any] | None:
        common = {} if table["name"] == "values" else {"biases": BIASES}
        return definition(initializers, table, path, self.mistakes, common=common)

    def _resolve(
        self, name: str, written: Mapping[str, Any], path: str, broken: set[str]
    ) -> NamedProblem | None:
        """The problem that `written` defines, its defaults filled in from the dataset."""
        dataset = definition(datasets, written["dataset"], f"{path}.dataset", self.mistakes)
        if dataset is None:  # one of a plugin that did not load, which is said
            return None
        values = self._defaults(dataset, path)
        if values is None:
            return None
        initial = values.get("initializer", {})
        values |= {k: v for k, v in written.items() if k not in (*PLAIN, "dataset", "target")}
        # `initializer.scale = 0.1` alone changes the dataset's own initializer.
        if "initializer" in values and "name" not in values["initializer"]:
            values["initializer"] = {**initial, **values["initializer"]}
        missing = [k for k in ("layers", "initializer", "loss", "epochs") if k not in values]
        for key in missing:
            if key not in broken:
                what = f'is missing; the dataset "{dataset["name"]}" has no default for it'
                self.mistakes.add(f"{path}.{key}", what)
        if missing:
            return None
        if "record_every" not in values or ("epochs" in written and "record_every" not in written):
            values["record_every"] = max(1, values["epochs"] // 100)
        initializer = self._initializer(values["initializer"], f"{path}.initializer")
        if initializer is None:
            return None
        size = values.get("batch_size", "full")
        fields = {
            "dtype": self.dtype,
            **{key: FIELDS[key].form(value) for key, value in values.items() if key in FIELDS},
            "dataset": dataset,
            "layers": tuple(map(str, parse(values["layers"]))),
            "initializer": initializer,
            "batch_size": None if size == "full" else size,
            "shuffle": size != "full" and values.get("shuffle", True),
        }
        problem = Problem(**fields)
        parts = self.consistency.check(problem, path, broken)
        target = written.get("target", {})
        if parts is not None and "loss" not in broken:
            known = columns_of(self.metrics, problem.loss, parts)
            target = _target(target, known, f"{path}.target", self.mistakes)
            self._check_metric(name, written.get("metric"), known, path)
        return NamedProblem(name, problem, target, self.judged.of(written))

    def _check_metric(self, name: str, own: str | None, known: Columns, path: str) -> None:
        """Note a metric, of the problem's `own` or of all, that this problem does not have."""
        metric = own or self.judged.metric
        if judging.parts_of(metric)[1] in known or self.mistakes.incomplete:
            return
        what = f'is "{metric}", but the problem "{name}" has only {", ".join(known)}'
        if own:
            self.mistakes.add(f"{path}.metric", what)
        else:
            self.mistakes.add("metric", f"{what}; give it a metric of its own")

    def _defaults(self, dataset: Mapping[str, Any], path: str) -> dict[str, Any] | None:
        """What the dataset gives to a problem; None when it cannot be had, which is noted.

        A plugin's defaults may be as wrong as a spec's.
        """
        entry = datasets[dataset["name"]]
        try:
            values = default_problem(dataset) if "layers" in entry.problem else {**entry.problem}
        except OSError as error:
            what = f"{error.filename}: cannot be read: {error.strerror}"
            self.mistakes.add(f"{path}.dataset", what if error.filename else str(error))
            return None
        except ValueError as error:
            self.mistakes.add(f"{path}.dataset", str(error))
            return None
        except Exception as error:
            self.mistakes.add(f"{path}.dataset", f'the defaults of "{entry.name}": {error!r}')
            return None
        if isinstance(values.get("initializer"), str):
            values["initializer"] = {"name": values["initializer"]}
        before = self.mistakes.count
        place = f'{path}.dataset: the defaults of "{entry.name}"'
        strange = unknown_keys(values, KEYS, place, self.mistakes)
        for key in [key for key in values if key not in strange]:
            if self.mistakes.expect(KEYS[key], values[key], f"{place}.{key}"):
                self._check_meaning(key, values[key], f"{place}.{key}")
        return values if self.mistakes.count == before else {}


def columns_of(metrics: Sequence[Metric], loss: str, parts: Iterable[str]) -> Columns:
    """The columns of those of `metrics` that apply to a problem with this loss and these parts."""
    return columns((m.quantity for m in applicable(metrics, losses[loss])), parts)


def _named(
    name: str, group: Sequence[tuple[Mapping[str, Any], NamedProblem]]
) -> list[NamedProblem]:
    """The problems of one table, with names that say what differs."""
    names = apart(name, [written for written, _ in group])
    return [replace(problem, name=own) for own, (_, problem) in zip(names, group, strict=True)]


def _target(
    table: Mapping[str, Any], known: Columns, path: str, mistakes: Mistakes
) -> dict[str, float]:
    """The values to reach, by metric; `loss` alone is the training loss."""
    target: dict[str, float] = {}
    for key, value in table.items():
        metric = key if key in known else f"train_{key}"
        if metric not in known and mistakes.incomplete:
            continue  # it may be that of a plugin that could not be loaded
        if metric not in known:
            short = [name.removeprefix("train_") for name in known]
            mistakes.add(f"{path}.{key}", f"no such metric; {nearest(key, short)}")
        elif value not in NUMBER:
            mistakes.add(f"{path}.{key}", f"is {quote(value)}; must be a finite number")
        elif (best := known[metric].best) is not None and not known[metric].reached(best, value):
            way = "at least" if known[metric].lower else "at most"
            mistakes.add(f"{path}.{key}", f"is {quote(value)}; must be {way} {best:g}")
        elif metric in target:
            mistakes.add(f"{path}.{key}", f"is {metric}, which is there already; keep one")
        else:
            target[metric] = float(value)
    return target
