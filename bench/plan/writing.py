"""A manifest as JSON can hold it."""

from __future__ import annotations

import dataclasses
from typing import Any

from bench.plan import rows
from bench.plan.manifest import Manifest
from bench.plan.spans import Plan, Span


def to_json(manifest: Manifest) -> dict[str, Any]:
    """`manifest` as JSON can hold it: definitions once, trials as references to them.

    Trials that follow each other with their seeds are one row: the index, the places of problem and
    configuration and the seed of the first, and how many there are.
    """
    plan = Plan.of(manifest.trials)
    problems: dict[str, int] = {}
    configurations: dict[int, int] = {}
    problem_list, configuration_list = [], []
    last: dict[str, Span] = {}
    for span in plan.spans:
        if span.problem_name not in problems:
            problems[span.problem_name] = len(problems)
            problem_list.append([span.problem_name, span.problem.content])
        number = span.configuration_index
        if number not in configurations:
            configurations[number] = len(configurations)
            configuration_list.append([number, span.optimizer, span.configuration.content])
        last[span.problem_name] = span
    return {
        "name": manifest.name,
        "problems": problem_list,
        "configurations": configuration_list,
        "trials": rows.written(plan, problems, configurations),
        **rows.keys_or_texts(plan, manifest.texts, manifest.fixed, [*problems], [*configurations]),
        "targets": {name: dict(target) for name, target in manifest.targets.items()},
        "fixed": sorted(manifest.fixed),
        "spec": manifest.spec,
        "metrics": [dataclasses.asdict(quantity) for quantity in manifest.metrics],
        "recorded": {name: list(span.metrics) for name, span in last.items()},
        "timed": {name: [[*target] for target in span.targets] for name, span in last.items()},
        "judged": {name: dataclasses.asdict(judged) for name, judged in manifest.judged.items()},
        **({"remarks": dict(manifest.remarks)} if manifest.remarks else {}),
        **({"defaults": manifest.defaults} if manifest.defaults else {}),
        **({"claims": [c.content for c in manifest.claims]} if manifest.claims else {}),
        **({"tuning": dataclasses.asdict(manifest.tuning)} if manifest.tuning else {}),
    }
