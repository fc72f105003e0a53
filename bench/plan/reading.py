"""A manifest from its JSON, which may be anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.plan import form, rows
from bench.plan.manifest import Manifest, built_in
from bench.plan.spans import Following, Plan, Span
from bench.spec import claims as claiming
from bench.spec import judging
from bench.spec.claims import Claim
from bench.spec.judging import Judged
from bench.spec.tuning import Tuning
from nncore.metrics import LOSS, Columns, Quantity, columns
from nncore.modifiers import modifiers
from nncore.trial import Configuration, Problem, Target


def from_json(values: Mapping[str, Any]) -> Manifest:
    """The manifest that `to_json` wrote. Raises IndexError or ValueError for another.

    Folders from before configurations had numbers are read: there they follow from the spec; those
    from before metrics were listed: theirs are built in; and those with a row and a key for
    every trial.
    """
    form.check(values)
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
    spans: list[Span] = []
    for p, c, indexes, seeds in runs:
        problem_name, problem = problems[p]
        number, optimizer, configuration = configurations[c]
        own: Sequence[str]
        if begun:
            fixed = problem_name in values["fixed"]
            own = Following((begun[1][c], begun[0][p]), seeds, fixed)
        else:
            own, keys = keys[: len(seeds)], keys[len(seeds) :]
        spans.append(
            Span(
                problem_name=problem_name,
                optimizer=optimizer,
                problem=problem,
                configuration=configuration,
                configuration_index=number,
                indexes=indexes,
                seeds=seeds,
                keys=own,
                metrics=asked.get(problem_name, ()),
                targets=timed.get(problem_name, ()),
            )
        )
    trials = Plan(spans)
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
    claims = _claims(values.get("claims") or (), trials.spans, values["targets"], known)
    return Manifest(
        values["name"],
        trials,
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
    spans: Sequence[Span],
    targets: Mapping[str, Mapping[str, float]],
    known: Columns,
) -> tuple[Claim, ...]:
    """The claims that a manifest lists; raises ValueError for one on what it does not have."""
    found = tuple(map(claiming.of_content, contents))
    problems = {span.problem_name: span.problem for span in spans}
    plan: dict[tuple[str, str], dict[int, Configuration]] = {}
    for span in spans if found else ():
        some = plan.setdefault((span.problem_name, span.optimizer), {})
        some[span.configuration_index] = span.configuration
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
