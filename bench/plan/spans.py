"""The trials of a plan by the million: spans of seeds, of which a trial is made when it is read."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from bench.plan.keys import begin, finish
from bench.plan.trial import Trial
from bench.store.keys import KIND, Keys
from nncore.trial import Configuration, Problem, Target


@dataclass(frozen=True, slots=True)
class Following(Sequence[str]):
    """Keys that follow from the `texts` of a configuration and a problem, and from seeds.

    Where the problem is `fixed`, seeds change nothing.
    """

    texts: tuple[str, str]
    seeds: Sequence[int]
    fixed: bool

    def __len__(self) -> int:
        return len(self.seeds)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Following: ...
    def __getitem__(self, place: Any) -> Any:
        seeds = self.seeds[place]
        if isinstance(place, slice):
            return replace(self, seeds=seeds)
        return finish(begin(*self.texts), None if self.fixed else seeds)

    def __iter__(self) -> Iterator[str]:
        begun = begin(*self.texts)
        return (finish(begun, None if self.fixed else seed) for seed in self.seeds)


@dataclass(frozen=True, slots=True)
class Span:
    """Trials `(n,)` of one configuration on one problem: an index, a seed and a key for each."""

    problem_name: str
    optimizer: str
    problem: Problem
    configuration: Configuration
    configuration_index: int
    indexes: Sequence[int]
    seeds: Sequence[int]
    keys: Sequence[str]
    metrics: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()

    def __len__(self) -> int:
        return len(self.seeds)

    def __iter__(self) -> Iterator[Trial]:
        return map(self._trial, self.indexes, self.seeds, self.keys)

    def __getitem__(self, place: int) -> Trial:
        return self._trial(self.indexes[place], self.seeds[place], self.keys[place])

    def _trial(self, index: int, seed: int, key: str) -> Trial:
        return Trial(
            index=index,
            problem_name=self.problem_name,
            optimizer=self.optimizer,
            problem=self.problem,
            configuration=self.configuration,
            configuration_index=self.configuration_index,
            seed=seed,
            key=key,
            metrics=self.metrics,
            targets=self.targets,
        )

    @property
    def asked(self) -> tuple[str, ...]:
        """The identities of all that its trials are to record."""
        return (*self.metrics, *(target.identity for target in self.targets))

    @property
    def digests(self) -> NDArray[np.bytes_]:
        """The bytes of the keys `(n,)`."""
        return Keys.of(self.keys).digests

    def take(self, places: Sequence[int]) -> Span:
        """The trials at some places, in their order."""
        if len(places) == len(self):
            return self
        seeds = compact([self.seeds[place] for place in places])
        if isinstance(self.keys, Following):
            keys: Sequence[str] = replace(self.keys, seeds=seeds)
        else:
            keys = Keys(self.digests[list(places)])
        indexes = compact([self.indexes[place] for place in places])
        return replace(self, indexes=indexes, seeds=seeds, keys=keys)

    def without(self, seeds: Collection[int]) -> Span:
        """The trials of other seeds than these."""
        if not seeds:
            return self
        return self.take([place for place, seed in enumerate(self.seeds) if seed not in seeds])


class Plan(Sequence[Trial]):
    """Trials in their order, in spans of which none is empty."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.spans = tuple(span for span in spans if len(span))
        # Where the trials of each span begin, and where the last one's end.
        self.starts = np.cumsum([0, *map(len, self.spans)])
        self._firsts: list[int] = self.starts.tolist()

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> Plan:
        """That of trials: a plan is what it is. What their streams are is not kept."""
        if isinstance(trials, Plan):
            return trials
        if isinstance(trials, Picked) and isinstance(trials.trials, Plan) and trials.ascend:
            return trials.trials._at(trials.positions)

        def alike(t: Trial) -> tuple[Any, ...]:
            return t.problem_name, t.optimizer, t.configuration_index, t.metrics, t.targets

        return cls(_span(list(group)) for _, group in itertools.groupby(trials, alike))

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __iter__(self) -> Iterator[Trial]:
        return itertools.chain.from_iterable(self.spans)

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(len(self))))
        place = range(len(self))[place]
        number = bisect_right(self._firsts, place) - 1
        return self.spans[number][place - self._firsts[number]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(self) != len(other):
            return False
        return all(mine == its for mine, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} trials in {len(self.spans):,} spans>"

    def __add__(self, other: Sequence[Trial]) -> Plan:
        return Plan((*self.spans, *Plan.of(other).spans))

    @property
    def problems(self) -> dict[str, Problem]:
        """The problems by name, in the order of the trials."""
        return {span.problem_name: span.problem for span in self.spans}

    @cached_property
    def keys(self) -> Keys:
        """The keys of all trials, made once."""
        found = [span.digests for span in self.spans]
        return Keys(np.concatenate(found) if found else np.empty(0, KIND))

    @cached_property
    def indexes(self) -> NDArray[np.int64]:
        """The numbers of all trials `(N,)`."""
        return _numbers(span.indexes for span in self.spans)

    @cached_property
    def seeds(self) -> NDArray[np.int64]:
        """The seeds of all trials `(N,)`."""
        return _numbers(span.seeds for span in self.spans)

    @cached_property
    def distinct(self) -> NDArray[np.int64]:
        """Where each key stands first `(n,)`: two optimizers may share a trial."""
        if not keys_repeat(self.spans):
            return np.arange(len(self))
        return np.sort(np.unique(self.keys.digests, return_index=True)[1])

    def without(self, keys: Set[str]) -> NDArray[np.int64]:
        """Where each key that is not among `keys` stands first `(n,)`."""
        if not keys:
            return self.distinct
        there = np.isin(self.keys.digests[self.distinct], Keys.of(keys).digests)
        return self.distinct[~there]

    def column(
        self,
        of: Callable[[Span], Any],
        positions: NDArray[np.int64] | None = None,
        dtype: Any = object,
    ) -> NDArray[Any]:
        """What `of` says of the span of each trial `(N,)`, or of those at `positions` `(n,)`."""
        each = np.empty(len(self.spans), dtype)
        for number, span in enumerate(self.spans):
            each[number] = of(span)
        if positions is None:
            return np.repeat(each, np.diff(self.starts))
        return each[self.span_numbers(positions)]

    def span_numbers(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """In which of the spans the trials at `positions` `(n,)` are."""
        return np.searchsorted(self.starts, positions, side="right") - 1

    def only(self, indexes: Iterable[int]) -> Plan:
        """The trials of these numbers that there are, in the order of the plan."""
        chosen = np.isin(self.indexes, np.fromiter(indexes, np.int64))
        return self._at(np.flatnonzero(chosen))

    def part(self, first: int, end: int) -> Plan:
        """The trials of the spans from `first` to before `end`."""
        found, here = Plan(self.spans[first:end]), slice(*self.starts[[first, end]].tolist())
        found.keys, found.indexes = Keys(self.keys.digests[here]), self.indexes[here]
        found.seeds = self.seeds[here]
        return found

    def parts(self, least: int, apart: Callable[[Span], Iterable[Any]]) -> Iterator[Plan]:
        """The plan in parts of at least as many trials each, if there are; one part at least.

        Trials of one configuration on one problem stay together where `apart` has something in
        common for their spans.
        """
        names = [[(s.problem_name, s.configuration_index, x) for x in apart(s)] for s in self.spans]
        last = {name: number for number, some in enumerate(names) for name in some}
        first = reach = 0
        for number, some in enumerate(names):
            reach = max(reach, *(last[name] for name in some))
            if reach == number and self.starts[number + 1] - self.starts[first] >= least:
                yield self.part(first, number + 1)
                first = number + 1
        if first < len(self.spans) or not self.spans:
            yield self.part(first, len(self.spans))

    def _at(self, positions: NDArray[np.int64]) -> Plan:
        """The trials at ascending `positions` `(n,)`."""
        if len(positions) == len(self):
            return self
        ends = np.searchsorted(positions, self.starts)
        return Plan(
            span.take((positions[ends[n] : ends[n + 1]] - self.starts[n]).tolist())
            for n, span in enumerate(self.spans)
        )


class Picked(Sequence[Trial]):
    """Some of `trials`, by their `positions` `(n,)`; a worker gets them as a tuple."""

    positions: NDArray[np.int64]

    def __init__(self, trials: Sequence[Trial], positions: NDArray[np.int64]) -> None:
        self.trials: Sequence[Trial] = trials.trials if isinstance(trials, Picked) else trials
        self.positions = trials.positions[positions] if isinstance(trials, Picked) else positions

    @property
    def ascend(self) -> bool:
        """Whether they are in the order of the trials, each once."""
        return bool((np.diff(self.positions) > 0).all())

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Trial]:
        return map(self.trials.__getitem__, self.positions.tolist())

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> Picked: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Picked(self.trials, self.positions[place])
        return self.trials[int(self.positions[place])]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)


def _span(trials: Sequence[Trial]) -> Span:
    """Of trials that follow each other and differ in index, seed and key alone."""
    first = trials[0]
    return Span(
        problem_name=first.problem_name,
        optimizer=first.optimizer,
        problem=first.problem,
        configuration=first.configuration,
        configuration_index=first.configuration_index,
        indexes=compact([trial.index for trial in trials]),
        seeds=compact([trial.seed for trial in trials]),
        keys=Keys.of(trial.key for trial in trials),
        metrics=first.metrics,
        targets=first.targets,
    )


def joined(plans: Sequence[Plan]) -> Plan:
    """The trials of several plans by their numbers: of one number, that of the last plan."""
    if len(plans) == 1:
        return plans[0]
    indexes = np.concatenate([plan.indexes for plan in plans])
    starts = np.cumsum([0, *map(len, plans)])
    # The first of those that are reversed is the last.
    _, places = np.unique(indexes[::-1], return_index=True)
    places = len(indexes) - 1 - places
    of = np.searchsorted(starts, places, side="right") - 1
    pairs = zip(of.tolist(), (places - starts[of]).tolist(), strict=True)
    return Plan.of(plans[number][place] for number, place in pairs)


def compact(numbers: Sequence[int]) -> Sequence[int]:
    """The same as a range, if they follow each other."""
    if isinstance(numbers, range) or not len(numbers):
        return numbers
    found = range(numbers[0], numbers[0] + len(numbers))
    return found if all(map(int.__eq__, numbers, found)) else numbers


def _numbers(some: Iterable[Sequence[int]]) -> NDArray[np.int64]:
    """All of some sequences in one array."""
    found = [
        np.arange(numbers.start, numbers.stop, numbers.step, dtype=np.int64)
        if isinstance(numbers, range)
        else np.array(numbers, dtype=np.int64)
        for numbers in some
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def repeats(parts: Sequence[Sequence[int]]) -> bool:
    """Whether a number is there twice."""
    if len(parts) == 1 and isinstance(parts[0], range):
        return False
    return len(set().union(*parts)) < sum(map(len, parts))


def keys_repeat(spans: Sequence[Span]) -> bool:
    """Whether a key is there twice: where all follow, what they follow from tells."""
    seeds: dict[tuple[str, str], list[Sequence[int]]] = {}
    for span in spans:
        if not isinstance(span.keys, Following):
            digests = np.concatenate([span.digests for span in spans])
            return len(np.unique(digests)) < len(digests)
        own = range(len(span)) if span.keys.fixed else span.seeds
        seeds.setdefault(span.keys.texts, []).append(own)
        if span.keys.fixed and len(span) > 1:
            return True
    return any(map(repeats, seeds.values()))
