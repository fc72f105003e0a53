"""How a run is getting on: a bar on a terminal, a line every few seconds elsewhere.

Time left follows the work that is left, not the number of trials: an epoch of one problem is not
the price of an epoch of another.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from nncore.text import drawing

if TYPE_CHECKING:
    from bench.plan.trial import Stack
    from bench.store.store import Result

T = TypeVar("T")
LINE_SECONDS = 5.0
LONG_SECONDS = 5.0  # of a run about whose efficiency there is something to say


class Progress:
    """A context that shows how many of the trials in `work` (key -> seconds, roughly) are done.

    `workers` is the number of processes that train (0: they come and go), `stream` is where to
    (default: stderr), `line_seconds` the least time between two lines, `title` what every line
    begins with.
    """

    def __init__(
        self,
        work: Mapping[str, float],
        *,
        workers: int = 1,
        stream: TextIO | None = None,
        line_seconds: float = LINE_SECONDS,
        title: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.work = work
        self.workers = workers
        self.done = 0
        self.training_seconds = 0.0
        self.counts: Counter[str] = Counter()
        self._stream = sys.stderr if stream is None else stream
        self._line_seconds = line_seconds
        self._title = f"{title}: " if title else ""
        self._clock = clock
        self._begin = self._last = clock()
        self._all_work = sum(work.values())
        self._done_work = 0.0
        self._bar: Any = None

    @classmethod
    def of(cls, stacks: Sequence[Stack], jobs: int, title: str = "", **options: Any) -> Progress:
        """The progress of `stacks` on `jobs` workers; `options` are those of a `Progress`."""
        from bench.plan.stacks import seconds

        work: dict[str, float] = {}
        for stack in stacks:
            share = seconds(stack) / len(stack)
            work |= {trial.key: share for trial in stack}
        return cls(work, workers=min(jobs, len(stacks)), title=title, **options)

    def __enter__(self) -> Progress:
        self._begin = self._last = self._clock()
        if self._stream.isatty():
            self._bar = _bar(drawing(self._stream), len(self.work), self._title)
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._say(self.summary())

    def add(self, result: Result) -> None:
        """Count a finished stack."""
        self.done += len(result.keys)
        self.training_seconds += result.kernel_seconds
        self.counts.update(record.status for record in result.records)
        self._done_work += sum(self.work.get(key, 0.0) for key in result.keys)
        if self._bar is not None:
            (task,) = self._bar.task_ids
            self._bar.update(task, completed=self.done, facts=self._facts())
        elif self._clock() - self._last >= self._line_seconds and self.done < len(self.work):
            self._last = self._clock()
            self._say(f"  {self._title}{self.done:,}/{len(self.work):,} trials  {self._facts()}")

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._begin

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at the pace so far; None before the first result."""
        if not self._done_work:
            return None
        return self.seconds * max(0.0, self._all_work / self._done_work - 1)

    def summary(self) -> str:
        """What was done, in a line."""
        some = "" if self.done == len(self.work) else f" of {len(self.work):,}"
        rate = f" ({self._rate()})" if self.done else ""
        troubles = "".join(f", {trouble}" for trouble in self._troubles())
        told = f"{self.done:,}{some} trials in {duration(self.seconds)}{rate}"
        return f"{self._title}{told}{troubles}{self._busy()}"

    def _busy(self) -> str:
        """What share of its time every worker has trained: the rest is what all else costs."""
        if self.seconds < LONG_SECONDS or not self.workers:
            return ""  # starting is most of it, or workers come and go
        share = self.training_seconds / (self.workers * self.seconds)
        every = "the worker" if self.workers == 1 else f"each of {self.workers} workers"
        return f"; {every} trained {share:.0%} of the time"

    def _facts(self) -> str:
        left = self.seconds_left
        facts = [self._rate()]
        if left is not None and self.done < len(self.work):
            facts.append(f"about {duration(left)} left")
        return "  ".join([*facts, *self._troubles()])

    def _rate(self) -> str:
        return f"{self.done / max(self.seconds, 1e-9):,.1f}/s"

    def _troubles(self) -> list[str]:
        return [f"{self.counts[s]:,} {s}" for s in ("diverged", "crashed") if self.counts[s]]

    def _say(self, line: str) -> None:
        # Whoever read it may be gone; the work goes on.
        with contextlib.suppress(OSError, ValueError):
            print(line, file=self._stream, flush=True)


class Pace:
    """Says now and then how many of some things are done, and how long the rest takes.

    After the one `before` the time without a word goes on: short steps add up.
    """

    def __init__(
        self,
        what: str,
        say: Callable[[str], None],
        *,
        line_seconds: float = LINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        before: Pace | None = None,
    ) -> None:
        self._what, self._say, self._line_seconds, self._clock = what, say, line_seconds, clock
        self._begin = self._last = clock()
        if before is not None:
            self._last = before._last

    def over(self, items: Sequence[T]) -> Iterator[T]:
        """Go through `items`, and say how far."""
        for done, item in enumerate(items, start=1):
            yield item
            self.at(done, len(items))

    def at(self, done: int, count: int) -> None:
        """Note that so many are done of as many as there are."""
        now = self._clock()
        if now - self._last >= self._line_seconds and done < count:
            self._last = now
            left = duration((now - self._begin) * (count / done - 1))
            self._say(f"  {done:,}/{count:,} {self._what}  about {left} left")


def counted(things: Sized, word: str) -> str:
    """How many `things` there are.

    >>> counted("ab", "rule"), counted([1], "rule")
    ('2 rules', '1 rule')
    """
    return f"{len(things):,} {word}" + "s" * (len(things) != 1)


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> [duration(s) for s in (0.42, 16.4, 200, 9000)]
    ['0.4 s', '16 s', '3 min 20 s', '2 h 30 min']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _bar(stream: TextIO, total: int, title: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        *([TextColumn(title)] if title else []),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials  {task.fields[facts]}"),
        console=Console(file=stream),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task("", total=total, facts="starting")
    return bar
