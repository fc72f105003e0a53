"""Trials as a manifest writes them: seeds that follow each other, and what keys follow from."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.plan.spans import Following, Plan, Span, compact, keys_repeat, repeats
from bench.store.keys import KIND, Keys

# What keys are made of: of problems by name, of configurations by number; and as both are listed.
Texts = tuple[Mapping[str, str], Mapping[int, str]]
Begun = tuple[Sequence[str], Sequence[str]]
# A few bytes may say that there are many trials: no more than this, or each has its key written.
MOST_UNWRITTEN = 4_000_000


def written(
    plan: Plan, problems: Mapping[str, int], configurations: Mapping[int, int]
) -> list[list[int]]:
    """Rows of `index, problem, configuration, seed, count`, by places of names and numbers.

    A row is of trials that follow each other with their seeds: those of the first, and how many.
    """
    found: list[list[int]] = []
    for span in plan.spans:
        places = [problems[span.problem_name], configurations[span.configuration_index]]
        for first, first_seed, number in _pieces(span):
            if found and found[-1][1:3] == places:
                index, _, _, seed, count = found[-1]
                if (first, first_seed) == (index + count, seed + count):
                    found[-1][4] += number
                    continue
            found.append([first, *places, first_seed, number])
    return found


def _pieces(span: Span) -> Iterator[tuple[int, int, int]]:
    """Index and seed of each first of trials that follow each other, and how many do."""
    if isinstance(compact(span.indexes), range) and isinstance(compact(span.seeds), range):
        yield span.indexes[0], span.seeds[0], len(span)
    else:
        for index, seed in zip(span.indexes, span.seeds, strict=True):
            yield index, seed, 1


def keys_or_texts(
    plan: Plan,
    texts: Texts,
    fixed: Collection[str],
    problems: Sequence[str],
    numbers: Sequence[int],
) -> dict[str, Any]:
    """What all keys follow from, by `problems` and configurations; where they do not, the keys.

    Trials of `fixed` problems have no seed in their keys.
    """
    of_problems, of_configurations = texts
    if of_problems.keys() >= {*problems} and of_configurations.keys() >= {*numbers}:
        found = {
            "problems": [of_problems[name] for name in problems],
            "configurations": [of_configurations[number] for number in numbers],
        }
        follow = (_follow(span, texts, span.problem_name in fixed) for span in plan.spans)
        if len(plan) <= MOST_UNWRITTEN and all(follow):
            return {"texts": found}
    return {"keys": "".join(plan.keys)}


def _follow(span: Span, texts: Texts, fixed: bool) -> bool:
    """Whether the keys of a span follow from the texts of its problem and configuration."""
    own = texts[1][span.configuration_index], texts[0][span.problem_name]
    expected = Following(own, span.seeds, fixed)
    return span.keys == expected or all(map(operator.eq, span.keys, expected))


def begun(values: Mapping[str, Any]) -> Begun | None:
    """The texts of problems and configurations that keys follow from; None where keys are written.

    Raises ValueError where there are both, or not as many as there have to be.
    """
    found = values.get("texts")
    if (found is None) == (values.get("keys") is None):
        raise ValueError("either keys are written, or what they follow from")
    if found is None:
        return None
    if any(len(found[what]) != len(values[what]) for what in ("problems", "configurations")):
        raise ValueError("problems and configurations have a text each")
    return found["problems"], found["configurations"]


def read(
    values: Mapping[str, Any], begun: Begun | None
) -> tuple[list[tuple[int, int, Sequence[int], Sequence[int]]], Keys]:
    """What a manifest's rows say, and the keys that it has written; none where they follow.

    Of trials that follow each other on one problem, with one configuration: both places, indexes
    and seeds. Raises ValueError where rows are none, or not of as many trials as there are keys.
    """
    keys = Keys(np.frombuffer(bytes.fromhex(values.get("keys") or ""), KIND))
    numbers = _numbers(values["trials"], MOST_UNWRITTEN if begun else len(keys))
    if not begun and numbers[:, 4].sum() != len(keys):
        raise ValueError("there is not a key for every trial")
    ends = numbers[:, 0] + numbers[:, 4]
    same = (numbers[1:, 1:3] == numbers[:-1, 1:3]).all(axis=1) & (numbers[1:, 0] == ends[:-1])
    found: list[tuple[int, int, Sequence[int], Sequence[int]]] = []
    for rows in np.split(numbers, np.flatnonzero(~same) + 1) if len(numbers) else ():
        parts = [range(seed, seed + count) for seed, count in rows[:, 3:].tolist()]
        seeds = compact(parts[0] if len(parts) == 1 else [s for part in parts for s in part])
        first, p, c = rows[0, :3].tolist()
        found.append((p, c, range(first, first + len(seeds)), seeds))
    return found, keys


def _numbers(rows: list[Any], most: int) -> NDArray[np.int64]:
    """Rows of `index, problem, configuration, seed, count`, of so many trials in all at `most`.

    Raises ValueError for anything else. Of rows without a count each is a trial.
    """
    numbers = np.array(rows or np.empty((0, 5), dtype=np.int64))
    if numbers.dtype.kind != "i" or numbers.ndim != 2 or numbers.shape[1] not in (4, 5):
        raise ValueError("rows of trials are five whole numbers")
    if numbers.shape[1] == 4:
        numbers = np.column_stack([numbers, np.ones(len(numbers), dtype=np.int64)])
    counts = numbers[:, 4]
    # Each before they are added: the sum may be too large for a number.
    if (numbers[:, :3] < 0).any() or (counts < 1).any() or (counts > most).any():
        raise ValueError("rows of trials have numbers that are none")
    if len(counts) > most or counts.sum() > most:
        raise ValueError("there are more trials than there may be")
    if (numbers[:, [0, 3]] > np.iinfo(np.int64).max - counts[:, None]).any():
        raise ValueError("rows of trials have numbers that are too large")
    return numbers


def texts_of(begun: Begun | None, problems: list[str], numbers: list[int]) -> Texts:
    """The texts by name and by number; none where keys were written."""
    if begun is None:
        return {}, {}
    return dict(zip(problems, begun[0], strict=True)), dict(zip(numbers, begun[1], strict=True))


def repeat(plan: Plan) -> bool:
    """Whether a trial is there twice; two optimizers may share one."""
    numbers: dict[Any, list[Sequence[int]]] = {}
    owners: dict[Any, list[Span]] = {}
    for span in plan.spans:
        numbers.setdefault((span.problem_name, span.configuration_index), []).append(span.seeds)
        owners.setdefault((span.problem_name, span.optimizer), []).append(span)
    some = any(map(repeats, numbers.values()))
    some = some or len(np.unique(plan.indexes)) < len(plan)
    return some or any(map(keys_repeat, owners.values()))
