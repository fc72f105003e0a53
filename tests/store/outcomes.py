"""What tests of the store put in: outcomes made of their numbers, some diverged, some crashed."""

import numpy as np

from bench.store.records import (
    Record,
    Result,
)
from bench.store.store import Store

METRICS = ("train_loss", "validation_loss", "test_loss")


def key(number):
    return f"{number:064x}"


def record(number, records=20):
    generator = np.random.default_rng(number)
    if number % 11 == 10:
        return Record.crashed(f"ValueError: {number}")
    epochs = np.arange(records, dtype=np.int64) * (1 + number % 2)
    diverged = 7 if number % 5 == 4 else None
    status = "ok" if diverged is None else "diverged"
    reason = "" if diverged is None else "loss is not finite"
    curve = generator.random((len(METRICS), records))
    curve[0, -1] = np.inf if diverged else -0.0
    return Record(
        status=status,
        reason=reason,
        diverged_epoch=diverged,
        improved=bool(number % 3),
        metrics=METRICS,
        epochs=epochs.tobytes(),
        curve=curve.tobytes(),
        numbers=(("constant_loss", number / 7), ("time", np.inf))[: number % 4],
    )


def result(numbers, **changes):
    keys = tuple(key(n) for n in numbers)
    made = Result(keys, [record(n) for n in numbers], 1.5, 1.75, 1.7e9, 4321, "host", 1)
    return made._replace(**changes)


def content(folder):
    """Everything a reader can learn of the trials, by key."""
    with Store.read(folder) as store:
        return dict(store.outcomes([key(n) for n in range(60)]))


def flip(path, offset, mask=0xFF):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))
