"""A spec, TOML or a dictionary, as an `Experiment`: checked whole, every mistake named at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from bench.spec import judging
from bench.spec import overrides as changes
from bench.spec import seeds as seeding
from bench.spec.claim_tables import ClaimReader
from bench.spec.claims import Claim
from bench.spec.mistakes import Mistakes, SpecError, nearest, quote, unknown_keys
from bench.spec.names import ANY_NAME
from bench.spec.optimizers import Optimizer, OptimizerReader
from bench.spec.plugins import load_all
from bench.spec.problems import FIELDS, NamedProblem, ProblemReader, columns_of
from bench.spec.seeds import UntilDecided, until_of
from bench.spec.shipped import find
from bench.spec.toml import plain, read
from bench.spec.tuning import Tuning
from bench.spec.tuning import read as read_tuning
from nncore import instruments  # noqa: F401  (they register)
from nncore.datasets import draw
from nncore.metrics import TRAIN_LOSS, Columns, Metric, metrics, recorded
from nncore.rules import bridges
from nncore.values import TABLE, TEXT, many, such

__all__ = ["Experiment", "NamedProblem", "Optimizer", "SpecError", "load"]


def _is_folder(value: Any) -> bool:
    return value in ANY_NAME and not value.startswith(".") and not set(value) & set('/\\:*?"<>|')


TABLES = many(TABLE)
KEYS = {
    "name": such("a plain folder name: no separators, no leading dot", _is_folder),
    "description": TEXT,
    seeding.KEY: seeding.VALUES,
    "dtype": FIELDS["dtype"],
    **judging.KEYS,
    "plugins": many(TEXT).saying('a list of files such as ["my_rules.py"]'),
    "problem": TABLES.saying("[[problem]] tables"),
    "optimizer": TABLES.saying("[[optimizer]] tables"),
    "tuning": TABLE.saying("a table, [tuning]"),
    "claim": TABLES.saying("[[claim]] tables"),
    "instruments": many(TEXT).saying('a list of metrics such as ["gradient_norm"]'),
}


@dataclass(frozen=True)
class Experiment:
    """A spec that can be run: every name is known, every parameter filled in.

    `raw` is the spec as run, after overrides; written as TOML it gives this experiment again. With
    `tuning`, `seeds` are for evaluation, and configurations are chosen on other seeds first. With
    `until`, `seeds` are all that may be needed: they are taken in rounds.
    `metrics` are recorded of every problem to which they apply. `claims` are what the spec says of
    its results beforehand.
    """

    name: str
    seeds: tuple[int, ...]
    problems: tuple[NamedProblem, ...]
    optimizers: tuple[Optimizer, ...]
    plugins: tuple[Path, ...]
    raw: Mapping[str, Any]
    tuning: Tuning | None = None
    metrics: tuple[Metric, ...] = field(default_factory=recorded)
    until: UntilDecided | None = None
    claims: tuple[Claim, ...] = ()


def load(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> Experiment:
    """The experiment that a spec file, or a mapping of the same shape, describes.

    A file may be `@NAME`, one of those that come with the harness (`bench.spec.shipped`).
    `overrides` are `KEY=VALUE` as on the command line, `plugins` further files of the user's.
    Raises SpecError with every mistake found, a line each: file, key path, what is wrong and what
    would be right.

    >>> experiment = load({"problem": {"dataset": "people"}, "optimizer": {"rule": "sgd"}})
    >>> experiment.problems[0].problem.layers, experiment.optimizers[0].configurations[0]
    (('dense 2', 'sigmoid', 'dense 1', 'sigmoid'), Configuration(rule='sgd', \
hyperparameters={'learning_rate': 1.0, 'decay': 0.0, 'momentum': 0.0}, modifiers={}))
    """
    if not isinstance(source, str | Path | Mapping):
        raise SpecError([f"spec: is {quote(source)}; must be a file or a dictionary"])
    if isinstance(source, Mapping):
        where, folder, name, values = "spec", Path(), "experiment", dict(source)
    else:
        path = find(source)
        where, folder, name, values = str(path), path.parent, path.stem, read(path)
    mistakes = Mistakes(where)
    spec = plain(values, "", mistakes)
    mistakes.check()
    changes.apply(spec, overrides, mistakes)
    spec = {"name": name, **spec}
    _find_data(spec, folder)
    unknown_keys(spec, KEYS, "", mistakes)
    bridges.renew()
    files = _plugin_files(spec, folder, plugins, mistakes)
    loaded = load_all(files, mistakes)
    if loaded:
        spec["plugins"] = [str(path) for path in loaded]
    return _experiment(spec, loaded, mistakes)


def _find_data(spec: dict[str, Any], folder: Path) -> None:
    """Make the paths of data files absolute: a spec names them from where it lies itself."""
    tables = spec.get("problem", [])
    for table in tables if isinstance(tables, list) else [tables]:
        datasets = table.get("dataset") if isinstance(table, dict) else None
        for dataset in datasets if isinstance(datasets, list) else [datasets]:
            if not (isinstance(dataset, dict) and "path" in dataset):
                continue
            paths = dataset["path"]
            if isinstance(paths, list):
                dataset["path"] = [_absolute(path, folder) for path in paths]
            else:
                dataset["path"] = _absolute(paths, folder)


def _absolute(path: Any, folder: Path) -> Any:
    if not isinstance(path, str) or not path or "\0" in path:
        return path  # what no file is called is told where the file is opened
    return str((folder / path).resolve())


def _experiment(
    spec: dict[str, Any], plugins: Mapping[Path, str], mistakes: Mistakes
) -> Experiment:
    """Check and resolve the top level and its tables; raises SpecError."""
    good = {
        key: spec[key]
        for key in ("name", "description", "dtype", *judging.KEYS)
        if key in spec and mistakes.expect(KEYS[key], spec[key], key)
    }
    judged = judging.Judged().of(good)
    seeds = seeding.read(spec.get(seeding.KEY, 1), mistakes)
    always = recorded(plugins.values())
    metrics = recorded(plugins.values(), _instruments(spec, mistakes))
    problems = ProblemReader(_dtype(spec), seeds[0], always, judged, mistakes).read(
        _tables(spec, "problem", mistakes)
    )
    tuning = None
    if "tuning" in spec and mistakes.expect(KEYS["tuning"], spec["tuning"], "tuning"):
        tuning = read_tuning(spec["tuning"], seeds, mistakes)
    optimizers = OptimizerReader(
        problems,
        len(seeds if tuning is None else tuning.seeds),
        mistakes,
        draws=tuning.n if tuning else None,
        dtype=_dtype(spec),
    ).read(_tables(spec, "optimizer", mistakes))
    if tuning is not None and tuning.criterion is not None:
        _check_criterion(tuning.criterion, problems, always, seeds[0], mistakes)
    until = until_of(spec)
    if until is not None and tuning is None:
        _check_frozen(optimizers, mistakes)
    found = tuple(problem for group in problems.values() for problem in group)
    _check_choice(found, optimizers, tuning, mistakes)
    claims = _claims(spec, problems, optimizers, metrics, seeds[0], tuning, mistakes)
    mistakes.check()
    return Experiment(
        spec["name"], seeds, found, optimizers, tuple(plugins), spec, tuning, metrics, until, claims
    )


def _instruments(spec: Mapping[str, Any], mistakes: Mistakes) -> list[str]:
    """The names of the metrics that a spec asks for; notes those that there are not."""
    names = spec.get("instruments", [])
    if not mistakes.expect(KEYS["instruments"], names, "instruments"):
        return []
    known = [name for name, metric in metrics.items() if metric.asked]
    for name in names:
        if name in metrics and name not in known:
            mistakes.add("instruments", f'has "{name}", which is recorded anyway; leave it out')
        elif name not in known:
            mistakes.add("instruments", f"has {quote(name)}; {nearest(name, known)}")
    return [name for name in names if name in known]


def _claims(
    spec: dict[str, Any],
    problems: Mapping[str, list[NamedProblem]],
    optimizers: Sequence[Optimizer],
    some_metrics: Sequence[Metric],
    seed: int,
    tuning: Tuning | None,
    mistakes: Mistakes,
) -> tuple[Claim, ...]:
    """The claims of a spec; a single table is accepted as one."""
    if "claim" not in spec:
        return ()
    if isinstance(spec["claim"], dict):
        spec["claim"] = [spec["claim"]]
    if not mistakes.expect(KEYS["claim"], spec["claim"], "claim"):
        return ()

    @cache
    def parts(definition: str) -> tuple[str, ...]:
        return tuple(draw(json.loads(definition), seed))

    def known(named: NamedProblem) -> Columns:
        its_parts = parts(json.dumps(dict(named.problem.dataset)))
        return columns_of(some_metrics, named.problem.loss, its_parts)

    reader = ClaimReader(problems, optimizers, known, mistakes, tuned=tuning is not None)
    return reader.read(spec["claim"])


def _check_frozen(optimizers: Sequence[Optimizer], mistakes: Mistakes) -> None:
    """Note optimizers that have something to choose, while seeds are added until all is decided."""
    for optimizer in optimizers:
        most = max(map(len, optimizer.on.values()), default=0)
        if most > 1:
            what = (
                f"has {most} configurations; with seeds until decided they are chosen first, on "
                "seeds of their own: add a [tuning] table, or write one configuration"
            )
            mistakes.add(f"optimizer.{optimizer.name}", what)


def _check_criterion(
    criterion: str,
    problems: Mapping[str, list[NamedProblem]],
    metrics: Sequence[Metric],
    seed: int,
    mistakes: Mistakes,
) -> None:
    """Note problems that have not the metric, or not the target, that configurations compete by."""
    kind, metric = judging.parts_of(criterion)
    for named in [problem for group in problems.values() for problem in group]:
        if kind == "time_to" and metric not in named.target:
            what = f'is "{criterion}", but the problem "{named.name}" has no target for {metric}'
            mistakes.add("tuning.criterion", what)
        elif metric != TRAIN_LOSS:
            parts = draw(named.problem.dataset, seed)
            known = columns_of(metrics, named.problem.loss, parts)
            if metric not in known and not mistakes.incomplete:
                what = f'is "{criterion}", but the problem "{named.name}" has only '
                mistakes.add("tuning.criterion", what + ", ".join(known))


def _check_choice(
    problems: Sequence[NamedProblem],
    optimizers: Sequence[Optimizer],
    tuning: Tuning | None,
    mistakes: Mistakes,
) -> None:
    """Note problems judged by test data, which never take part in a choice, that need one."""
    for named in problems:
        if not judging.is_test(named.judged.metric):
            continue
        where = f'is "{named.judged.metric}", of test data, which never take part in a choice'
        several = [o.name for o in optimizers if len(set(o.on.get(named.name, ()))) > 1]
        if tuning is not None and tuning.criterion is None:
            what = "write what chooses configurations, [tuning] criterion"
            mistakes.add("metric", f"{where}; {what}")
        elif tuning is None and several:
            what = f'"{several[0]}" has several configurations on "{named.name}"'
            mistakes.add("metric", f"{where}, but {what}; choose by a criterion of [tuning]")


def _dtype(spec: Mapping[str, Any]) -> str:
    return "float64" if spec.get("dtype") == "float64" else "float32"


def _tables(spec: dict[str, Any], kind: str, mistakes: Mistakes) -> list[dict[str, Any]]:
    """The `[[kind]]` tables of a spec; a single table is accepted as one."""
    if isinstance(spec.get(kind), dict):
        spec[kind] = [spec[kind]]
    value = spec.get(kind, [])
    if not mistakes.expect(KEYS[kind], value, kind):
        return [t for t in value if isinstance(t, dict)] if isinstance(value, list) else []
    if not value:
        mistakes.add(kind, f"is missing; write at least one [[{kind}]] table")
    return value


def _plugin_files(
    spec: Mapping[str, Any], folder: Path, more: Sequence[str | Path], mistakes: Mistakes
) -> list[tuple[str, Path]]:
    """The files of the spec, relative to its folder, and of the command line, with their keys."""
    own = spec.get("plugins", [])
    if not mistakes.expect(KEYS["plugins"], own, "plugins"):
        mistakes.incomplete = True
        own = []
    return [("plugins", folder / path) for path in own] + [
        (f"--plugin {path}", Path(path)) for path in more
    ]
