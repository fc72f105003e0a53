"""How a run is told to be getting on."""

import io

from bench.run import progress
from bench.store.store import Record, Result


class Clock:
    """A clock that is told the time."""

    now = 0.0

    def __call__(self):
        return self.now


def finished(*statuses, start=0):
    records = [Record(status, "", None, None, (), b"", b"") for status in statuses]
    keys = tuple(str(start + n) for n in range(len(records)))
    return Result(keys, records, 1.0, 1.0, 0.0, 1, "host", 1)


def test_lines_come_at_intervals_and_time_left_follows_the_work():
    clock, stream = Clock(), io.StringIO()
    work = {str(n): 1.0 if n < 4 else 3.0 for n in range(8)}
    with progress.Progress(work, stream=stream, line_seconds=5, clock=clock) as bar:
        assert bar.seconds_left is None
        clock.now = 4.0
        bar.add(finished("ok", "ok"))
        assert stream.getvalue() == ""
        clock.now = 8.0
        bar.add(finished("diverged", "crashed", start=2))
        # A quarter of the work in 8 s, although half of the trials.
        assert bar.seconds_left == 24.0
        clock.now = 9.0
        bar.add(finished("diverged", start=4))
        clock.now = 20.0
        bar.add(finished("ok", "ok", "ok", start=5))
    assert stream.getvalue().splitlines() == [
        "  4/8 trials  0.5/s  about 24 s left  1 diverged  1 crashed",
        "8 trials in 20 s (0.4/s), 2 diverged, 1 crashed; the worker trained 20% of the time",
    ]


def test_the_share_of_training_counts_every_worker():
    clock, stream = Clock(), io.StringIO()
    work = dict.fromkeys("0123", 1.0)
    bar = progress.Progress(work, workers=2, stream=stream, clock=clock)
    with bar:
        clock.now = 10.0
        for n in range(4):
            bar.add(finished("ok", start=n)._replace(kernel_seconds=4.5))
    assert stream.getvalue().endswith("; each of 2 workers trained 90% of the time\n")


def test_an_interrupted_run_says_how_far_it_came():
    clock, stream = Clock(), io.StringIO()
    bar = progress.Progress({"0": 1.0, "1": 1.0}, stream=stream, clock=clock)
    with bar:
        clock.now = 2.0
        bar.add(finished("ok"))
    assert stream.getvalue() == "1 of 2 trials in 2.0 s (0.5/s)\n"


def test_a_reader_that_went_away_stops_nothing():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    with progress.Progress({"0": 1.0, "1": 1.0}, stream=Gone(), line_seconds=0) as bar:
        bar.add(finished("ok"))
    assert bar.done == 1


def test_a_terminal_gets_a_bar():
    stream = io.StringIO()
    stream.isatty = lambda: True
    with progress.Progress({"0": 1.0, "1": 1.0}, stream=stream) as bar:
        bar.add(finished("ok", "diverged"))
        bar._bar.refresh()
    shown = stream.getvalue()
    assert "2/2" in shown
    assert "1 diverged" in shown
    assert shown.rstrip().endswith("1 diverged")


def test_a_pace_is_told_at_intervals():
    clock, lines = Clock(), []
    pace = progress.Pace("figures", lines.append, line_seconds=5, clock=clock)
    for now, done in ((4.0, 1), (6.0, 2), (7.0, 3), (20.0, 4), (30.0, 8)):
        clock.now = now
        pace.at(done, 8)
    assert lines == ["  2/8 figures  about 18 s left", "  4/8 figures  about 20 s left"]


def test_steps_that_are_short_alone_are_told_together():
    clock, lines, pace = Clock(), [], None
    for start, what in enumerate(("pairs", "ranks", "verdicts")):
        clock.now = 3.0 * start
        pace = progress.Pace(what, lines.append, line_seconds=5, clock=clock, before=pace)
        clock.now += 2.5
        pace.at(1, 2)
    assert lines == ["  1/2 ranks  about 2.5 s left"]
