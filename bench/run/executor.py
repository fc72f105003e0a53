"""The seam between what is to be trained and who trains it: stacks in; outcomes or deaths out.

An executor only carries: who is to blame for a death, what is tried again and what is given up is
for `bench.run.runner` to say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bench.run.scratch import Scratch
from bench.run.worker import Setup, Timing
from bench.store.records import Record

if TYPE_CHECKING:
    from bench.plan.trial import Stack

TICK_SECONDS = 0.1
START_SECONDS = 60.0


class StartError(Exception):
    """No worker can be started, or none that can work; the message says why."""


class RefusedError(StartError):
    """Workers are there, but would compute something else; nothing was begun."""


class LostError(StartError):
    """Workers were there, and cannot be reached any more."""


@dataclass
class Assignment:
    """A stack on its way: how often workers had to try, and how often one of its own died of it.

    `seconds` is about how long it takes.
    """

    stack: Stack
    seconds: float
    attempts: int = 0
    deaths: int = 0


@dataclass(frozen=True)
class Trained:
    """What came of a stack: a record per trial."""

    assignment: Assignment
    records: Sequence[Record]
    timing: Timing
    host: str = ""


@dataclass(frozen=True)
class Died:
    """A worker died while it trained a stack, of it or beside it."""

    assignment: Assignment
    reason: str


@dataclass(frozen=True)
class Noted:
    """Something that the user should know, and that changes nothing."""

    text: str


Event = Trained | Died | Noted | None


class Executor(ABC):
    """Worker processes that train stacks: `jobs` of them at once, prepared by `setup`.

    `patience` says for how many seconds a stack may show no sign of life; `where` is the address of
    workers that are not this executor's own. A subclass is in `executors` by the `name` it is
    declared with, and so in `tests/run/test_executors.py`.
    """

    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str) -> None:
        cls.name = name
        executors[name] = cls

    def __init__(
        self,
        setup: Setup,
        jobs: int,
        scratch: Scratch,
        patience: Callable[[Assignment], float],
        where: str = "",
    ) -> None:
        self.setup, self.jobs, self.scratch, self.patience = setup, jobs, scratch, patience
        self.where = where

    def start(self) -> int:
        """Get ready now, and not at the first stack; returns how many can be trained at once.

        Raises StartError, and RefusedError where no worker computes the same as this process.
        """
        return self.jobs

    @abstractmethod
    def run(self, pending: deque[Assignment]) -> Iterator[Event]:
        """Train what is `pending`, from the left: each is taken out and comes back once.

        Whatever has arrived comes at once, and None when nothing did for a moment, so that the
        caller can look about. What no worker began stays in `pending` when this ends early; it
        does so after `stop`, or when it cannot go on. Raises StartError when workers cannot start.
        The workers stay, for the next call.
        """

    @abstractmethod
    def stop(self) -> None:
        """End the workers now; `run` hands over what has arrived, and ends."""

    @abstractmethod
    def close(self) -> None:
        """End the workers, whatever they are at, and wait until they are gone."""


executors: dict[str, type[Executor]] = {}
