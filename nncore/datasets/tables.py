"""Tables of samples: how they are kept, split by a seed, and standardised.

A table's test part is the same for every seed; the rest is split into training and validation by
the seed. What decides a split is the content, never the file's place. A table is read once: other
processes map the arrays that the first one has written (`share`, `adopt`).
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.kinds import PARTS, Dataset, Part, checked, datasets
from nncore.registry import describe
from nncore.streams import canonical, generator

COMMON: dict[str, Any] = {
    "layers": ["dense 32", "relu", "dense {outputs}", "{last}"],
    "initializer": {"name": "he_normal"},
    "loss": "{loss}",
    "batch_size": 32,
    "epochs": 50,
    "record_every": 1,
}
REMEMBERED = 16
# What becomes of a content. Other parameters say how it is read, which the content itself tells.
USES = ("name", "target", "task", "test", "validation")
# A column whose values differ by less than so many roundings of its mean is constant.
ROUNDINGS = 16


class Samples(NamedTuple):
    """What a table's function returns: all samples, unscaled.

    `X` is `(N, F)` numbers, NaN where one is missing: the mean of the training part stands there.
    Its last `indicators` columns are 0 or 1 and stay so. `y` is `(N,)` classes or `(N, K)` numbers.
    The last `held` samples are the test part. `remarks` are sentences for the user.
    """

    X: NDArray[np.float64]
    y: NDArray[Any]
    indicators: int = 0
    held: int = 0
    remarks: tuple[str, ...] = ()


class Table(NamedTuple):
    """Samples as they were read, and the SHA-256 of their content."""

    samples: Samples
    digest: str

    @property
    def outputs(self) -> int:
        """Classes, or targets."""
        y = self.samples.y
        return int(y.max()) + 1 if y.ndim == 1 else y.shape[1]

    def sizes(self, definition: Mapping[str, Any]) -> dict[str, int]:
        """How many samples each part has. Raises ValueError for fractions that are none."""
        count, held = len(self.samples.X), self.samples.held
        asked = {part: _size(part, definition[part], count - held) for part in PARTS[1:]}
        asked["test"] = held or asked["test"]
        return {"train": count - sum(asked.values()), **asked}


def table(load: Callable[..., Any]) -> Callable[..., Any]:
    """Register a table: `load(**parameters)` returns all of its samples, as `Samples` or `(X, y)`.

    Its parameters include `test` and `validation`, fractions of all samples.
    """
    datasets.add(Dataset(**describe(load), draws=(), problem=COMMON, kind="table"))
    return load


def read(definition: Mapping[str, Any]) -> Table:
    """The whole table of a definition, from memory while its file is the same.

    Raises ValueError for what is not a table, OSError for a file that cannot be read.
    """
    name = _name(definition)
    if _Shared.folder is not None:
        known = _Shared.tables.get(name, (None, None))[1] or _mapped(_Shared.folder, name)
        if known is not None:
            _Shared.tables[name] = None, known  # as it was when the run began
            return known
    path = definition.get("path")
    stamp = None
    if path and "\0" not in path:
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    if name not in _Shared.tables or _Shared.tables[name][0] != stamp:
        _Shared.tables[name] = stamp, _read(definition)
    _Shared.tables.move_to_end(name)
    while len(_Shared.tables) > REMEMBERED:
        _Shared.tables.popitem(last=False)
    return _Shared.tables[name][1]


def content(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for a table in a trial's key: its content, and what is made of it."""
    kept = {key: definition[key] for key in USES if key in definition}
    if kept.get("task") == "":
        kept["task"] = "classification" if read(definition).samples.y.ndim == 1 else "regression"
    return {**kept, "content": read(definition).digest}


class _Shared:
    """The tables that this process has read, and the folder with those that another one has."""

    tables: ClassVar[OrderedDict[str, tuple[Any, Table]]] = OrderedDict()
    folder: Path | None = None


def forget() -> None:
    """Read every table anew."""
    _Shared.tables.clear()
    _Shared.folder = None


def share(folder: Path) -> None:
    """Write the tables of this process to `folder`, for others to `adopt`; map them here, too.

    So each is in memory once, whatever the number of processes. What the disk has no room for is
    left out, and everyone reads it for himself.
    """
    for name, (stamp, found) in list(_Shared.tables.items()):
        with contextlib.suppress(OSError):
            samples = found.samples
            for letter, array in (("X", samples.X), ("y", samples.y)):
                np.save(folder / f"{name}.{letter}.npy", array)
            facts = [found.digest, *samples[2:]]
            (folder / f"{name}.json").write_text(json.dumps(facts))  # last: it says all is there
            _Shared.tables[name] = stamp, _mapped(folder, name) or found


def adopt(folder: Path) -> None:
    """Take from `folder` what another process has shared there."""
    forget()
    _Shared.folder = folder


def _mapped(folder: Path, name: str) -> Table | None:
    try:
        digest, indicators, held, remarks = json.loads((folder / f"{name}.json").read_text())
    except OSError:
        return None
    X, y = (np.load(folder / f"{name}.{letter}.npy", mmap_mode="r") for letter in "Xy")
    return Table(Samples(X, y, indicators, held, tuple(remarks)), digest)


def _name(definition: Mapping[str, Any]) -> str:
    """A file's name for what is read; parts are cut from it later."""
    reading = {key: value for key, value in definition.items() if key not in PARTS}
    return hashlib.sha256(canonical(reading).encode()).hexdigest()[:32]


def _read(definition: Mapping[str, Any]) -> Table:
    parameters = {key: value for key, value in definition.items() if key != "name"}
    entry = datasets[definition["name"]]
    found = Samples(*entry.function(**parameters))
    X, y = checked(entry.name, found.X, found.y, missing=True)
    facts: list[Any] = [X.shape, y.shape, y.dtype.kind]
    if found.indicators or found.held:
        facts += [found.indicators, found.held]
    sha = hashlib.sha256(canonical(facts).encode())
    for array in (X, y):
        for rows in _blocks(array):
            sha.update(rows.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    _give_back()
    return Table(found._replace(X=X, y=y), sha.hexdigest())


def _give_back() -> None:
    """Return to the system what reading has freed: columns, as many bytes as the table again.

    They are small enough for glibc to keep them. Other C libraries have no such call.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Some rows at a time, a megabyte or so."""
    step = max(1, 2**20 // max(1, array[:1].nbytes))
    return (array[start : start + step] for start in range(0, len(array), step))


def facts(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a problem's defaults may name: `outputs`, and the `last` layer and `loss` that fit.

    Also `training`, how many samples there are to train on.
    """
    found = read(definition)
    last, loss = "linear", "mean_squared_error"
    if found.samples.y.ndim == 1:
        last, loss = "softmax", "categorical_crossentropy"
    training = found.sizes(definition)["train"]
    return {"outputs": found.outputs, "last": last, "loss": loss, "training": training}


def split(definition: Mapping[str, Any], seed: int) -> dict[str, Part]:
    """The parts of a table for one seed, standardised; without a part whose fraction is 0."""
    whole = read(definition)
    samples, sizes = whole.samples, whole.sizes(definition)
    count, left = len(samples.X), sizes["train"]
    if left < 1:
        name = definition["name"]
        raise ValueError(f"dataset {name}: {count} samples leave none to train on")
    if samples.held:
        test, rest = np.arange(count - samples.held, count), np.arange(count - samples.held)
    else:
        fixed = generator("table", "test", whole.digest).permutation(count)
        test, rest = fixed[: sizes["test"]], np.sort(fixed[sizes["test"] :])
    rest = rest[generator("table", "split", whole.digest, seed).permutation(len(rest))]
    rows = {"train": rest[:left], "validation": rest[left:], "test": test}
    rows = {part: at for part, at in rows.items() if len(at)}
    X = _standardised(samples.X, rows, samples.indicators)
    y = samples.y
    Y = {part: y[at] for part, at in rows.items()} if y.ndim == 1 else _standardised(y, rows)
    return {part: Part(X[part], Y[part]) for part in rows}


def _size(part: str, fraction: float, count: int) -> int:
    if not 0 <= fraction < 1:
        raise ValueError(f"{part} = {fraction}: a fraction, at least 0 and below 1")
    return round(fraction * count)


def _standardised(
    values: NDArray[np.float64], rows: Mapping[str, NDArray[np.intp]], indicators: int = 0
) -> dict[str, NDArray[np.float64]]:
    """The `rows` of each part, less the training part's means, over its deviations.

    The last `indicators` columns stay as they are. What is missing becomes the training part's
    mean.
    """
    parts = {part: values[at] for part, at in rows.items()}
    own = parts["train"]
    holes = bool(np.isnan(own.sum()) or any(np.isnan(part.sum()) for part in parts.values()))
    numbers = values.shape[1] - indicators
    # By a power of two, which loses no digit: squares of 1e200 are not finite, of 1e-200 are 0.
    peak = np.fmax.reduce([np.fmax(np.fmax.reduce(a), -np.fmin.reduce(a)) for a in parts.values()])
    _, exponent = np.frexp(np.nan_to_num(peak[:numbers]))
    scale = np.ldexp(1.0, -np.maximum(exponent, -1000))
    for part in parts.values():
        part[:, :numbers] *= scale
    mean, deviation, spread = _statistics(own, holes)
    constant = spread <= ROUNDINGS * np.finfo(np.float64).eps * np.abs(mean)
    # A constant column would be divided by what rounding leaves of it: it keeps its unit instead.
    divisor = np.where(constant[:numbers], scale, deviation[:numbers])
    for part in parts.values():
        part[:, :numbers] -= mean[:numbers]
        part[:, :numbers] /= divisor
        if holes:
            filling = np.concatenate([np.zeros(numbers), mean[numbers:]])
            np.copyto(part, filling, where=np.isnan(part))
    return parts


def _statistics(own: NDArray[np.float64], holes: bool) -> tuple[NDArray[np.float64], ...]:
    """Mean, deviation and spread of columns; of what is there where there are `holes`."""
    if not holes:
        return own.mean(axis=0), own.std(axis=0), np.ptp(own, axis=0)
    there = ~np.isnan(own)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, own, 0.0).sum(axis=0) / count
    deviation = np.sqrt((np.where(there, own - mean, 0.0) ** 2).sum(axis=0) / count)
    spread = np.fmax.reduce(own) - np.fmin.reduce(own)
    return mean, deviation, np.nan_to_num(spread)
