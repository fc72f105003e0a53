"""Trials that tell where variance comes from: one stream of a trial drawn anew, the others held."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.plan.keys import begin, configuration_text, finish, problem_text
from bench.plan.manifest import Manifest
from bench.plan.trial import Trial
from bench.spec.names import ANY_NAME
from bench.spec.seeds import SEED
from nncore.datasets import datasets, draw
from nncore.initializers import is_random as is_drawn
from nncore.metrics import PRINTABLE
from nncore.trial import Configuration, Problem, Seeds
from nncore.values import many, one_of, record, such, table_of, whole

VARIANCE = "variance"  # where the store keeps the designs
STREAMS = Seeds._fields
ANEW = 1 << 62  # the bit in which the seed of a draw anew differs


@dataclass(frozen=True)
class Design:
    """Of one configuration on one problem, runs in rows: one of each seed, and its twins.

    `keys` `(n, 1 + m)` are those of the trial with each of `seeds` `(n,)`, and of the trials that
    differ from it in one of `streams` `(m,)` each. `absent` says why there are no other streams.
    """

    problem: str
    optimizer: str
    configuration: int
    streams: tuple[str, ...]
    absent: Mapping[str, str]
    seeds: tuple[int, ...]
    keys: tuple[tuple[str, ...], ...]


def absent(problem: Problem) -> dict[str, str]:
    """The streams of data, initial parameters and order that a problem does not have, and why.

    Reads its data.
    """
    found = {}
    entry = datasets[problem.dataset["name"]]
    parts = draw(problem.dataset, 0)
    if not entry.random:
        found["data"] = "the data are the same for every seed"
    elif entry.kind == "table" and "validation" not in parts:
        found["data"] = "no part is split off by the seed (validation = 0)"
    if not is_drawn(problem.initializer):
        found["start"] = "the initial parameters are given"
    if problem.batch_size is None or problem.batch_size >= len(parts["train"].X):
        found["order"] = "the batch is full"
    elif not problem.shuffle:
        found["order"] = "the order is that of the data (shuffle = false)"
    return found


def streams(configuration: Configuration, missing: Collection[str]) -> tuple[str, ...]:
    """The streams that a trial draws from, of a problem with some `missing`."""
    draws = any("rng" in piece.needs for piece in configuration.updating)
    return tuple(s for s in STREAMS if s not in missing and (s != "rule" or draws))


def first_seeds(given: Iterable[int], used: Collection[int], number: int) -> tuple[int, ...]:
    """`number` seeds: those `given`, then the lowest that are neither among them nor `used`."""
    found = dict.fromkeys(given)
    fresh = (seed for seed in range(len(found) + len(used) + number) if seed not in used)
    for seed in fresh:
        if len(found) >= number:
            break
        found.setdefault(seed)
    return tuple(found)[:number]


def twins(base: Trial, drawn: Sequence[str], seeds: Iterable[int]) -> Iterator[list[Trial]]:
    """Rows of a design: of every seed the trial, then one for each stream that is `drawn` anew.

    A seed that no stream is drawn with changes no result but by rounding; it goes with the last.
    """
    begun = begin(configuration_text(base.configuration), problem_text(base.problem))
    idle = [stream for stream in STREAMS if stream not in drawn]
    for seed in seeds:
        row = [replace(base, seed=seed, key=finish(begun, seed))]
        for stream in drawn if len(drawn) > 1 else ():
            with_it = idle if stream == drawn[-1] else []
            own = Seeds.of(seed)._replace(**dict.fromkeys([stream, *with_it], seed ^ ANEW))
            key = finish(begun, own)
            row.append(replace(base, seed=seed, streams=own, key=key))
        yield row


def to_json(designs: Iterable[Design]) -> list[dict[str, Any]]:
    """Designs as JSON can hold them."""
    return [
        {
            **vars(d),
            "streams": list(d.streams),
            "absent": dict(d.absent),
            "seeds": list(d.seeds),
            "keys": "".join(key for row in d.keys for key in row),
        }
        for d in designs
    ]


def _are_keys(value: Any) -> bool:
    return isinstance(value, str) and len(value) % 64 == 0 and value.isalnum()


FORM = many(
    record(
        {
            "problem": ANY_NAME,
            "optimizer": ANY_NAME,
            "configuration": whole(0, 2**63 - 1),
            "streams": many(one_of(*STREAMS), least=1),
            "absent": table_of(PRINTABLE, keys=one_of(*STREAMS)),
            "seeds": many(SEED, least=1),
            "keys": such("keys", _are_keys),
        }
    )
)


def from_json(values: Any, manifest: Manifest) -> list[Design]:
    """The designs that `to_json` wrote, those that are of the experiment's trials as they are now.

    What does not look like a design is none.
    """
    found = []
    for fields in values if values in FORM else ():
        wide = 1 + len(fields["streams"]) * (len(fields["streams"]) > 1)
        every = [fields["keys"][i : i + 64] for i in range(0, len(fields["keys"]), 64)]
        rows = tuple(tuple(every[i : i + wide]) for i in range(0, len(every), wide))
        seeds = tuple(fields["seeds"])
        where = fields["problem"], fields["configuration"]
        own = [s for s in manifest.plan.spans if (s.problem_name, s.configuration_index) == where]
        keys = {seed: key for s in own for seed, key in zip(s.seeds, s.keys, strict=True)}
        planned = [(keys.get(seed), row[0]) for seed, row in zip(seeds, rows, strict=False)]
        known = [mine == there for mine, there in planned if mine is not None]
        if len(rows) == len(seeds) and len(rows[-1]) == wide and known and all(known):
            read = {"streams": tuple(fields["streams"]), "seeds": seeds, "keys": rows}
            found.append(Design(**{**fields, **read}))
    return found
