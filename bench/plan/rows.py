"""Trials as a manifest writes them: seeds that follow each other, and what keys follow from."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.plan.keys import begin, finish
from bench.plan.trials import Trial

# What keys are made of: of problems by name, of configurations by number; and as both are listed.
Texts = tuple[Mapping[str, str], Mapping[int, str]]
Begun = tuple[Sequence[str], Sequence[str]]
# A few bytes may say that there are many trials: no more than this, or each has its key written.
MOST_UNWRITTEN = 4_000_000


def written(
    trials: Sequence[Trial], problems: Mapping[str, int], configurations: Mapping[int, int]
) -> list[list[int]]:
    """Rows of `index, problem, configuration, seed, count`, by places of names and numbers.

    A row is of trials that follow each other with their seeds: those of the first, and how many.
    """
    found: list[list[int]] = []
    for trial in trials:
        places = [problems[trial.problem_name], configurations[trial.configuration_index]]
        if found and found[-1][1:3] == places:
            index, _, _, seed, count = found[-1]
            if (trial.index, trial.seed) == (index + count, seed + count):
                found[-1][4] += 1
                continue
        found.append([trial.index, *places, trial.seed, 1])
    return found


def keys_or_texts(
    trials: Sequence[Trial],
    texts: Texts,
    fixed: Collection[str],
    problems: Sequence[str],
    numbers: Sequence[int],
) -> dict[str, Any]:
    """What all keys follow from, by `problems` and configurations; where they do not, the keys.

    Trials of `fixed` problems have no seed in their keys.
    """
    of_problems, of_configurations = texts
    keys = [trial.key for trial in trials]
    if of_problems.keys() >= {*problems} and of_configurations.keys() >= {*numbers}:
        found = {
            "problems": [of_problems[name] for name in problems],
            "configurations": [of_configurations[number] for number in numbers],
        }
        follow = map(operator.eq, keys, _following(trials, texts, fixed))
        if len(keys) <= MOST_UNWRITTEN and all(follow):
            return {"texts": found}
    return {"keys": "".join(keys)}


def _following(trials: Sequence[Trial], texts: Texts, fixed: Collection[str]) -> Iterator[str]:
    """The keys that follow from the texts of problems and configurations and from seeds."""
    of_problems, of_configurations = texts
    begun: dict[tuple[str, int], Any] = {}
    for trial in trials:
        place = name, number = trial.problem_name, trial.configuration_index
        if place not in begun:
            begun[place] = begin(of_configurations[number], of_problems[name])
        yield finish(begun[place], None if name in fixed else trial.seed)


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


def read(values: Mapping[str, Any], begun: Begun | None) -> tuple[list[list[int]], list[str]]:
    """The rows of a manifest, and the keys that it has written; none where they follow.

    Raises ValueError where rows are none, or not of as many trials as there are keys.
    """
    text = values.get("keys") or ""
    keys = [text[i : i + 64] for i in range(0, len(text), 64)]
    numbers = _numbers(values["trials"], MOST_UNWRITTEN if begun else len(keys))
    if not begun and numbers[:, 4].sum() != len(keys):
        raise ValueError("there is not a key for every trial")
    rows: list[list[int]] = numbers.tolist()
    return rows, keys


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


def repeat(trials: Sequence[Trial]) -> bool:
    """Whether a trial is there twice; two optimizers may share one.

    There may be millions, so no set has more than it needs, and one is gone before the next.
    """
    seeds: dict[tuple[str, int], set[int]] = {}
    for t in trials:
        seeds.setdefault((t.problem_name, t.configuration_index), set()).add(t.seed)
    some = sum(map(len, seeds.values())) < len(trials)
    some = some or len({t.index for t in trials}) < len(trials)
    shared = len({t.key for t in trials}) < len(trials)
    own = {(t.problem_name, t.optimizer, t.key) for t in trials} if shared else trials
    return some or len(own) < len(trials)
