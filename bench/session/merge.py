"""Joining the folders of shards: `bench merge`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.plan import manifest as manifests
from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.session.folder import (
    FolderMismatchError,
    intact,
    note,
    read_fingerprint,
    read_manifest,
)
from bench.store import beforehand, provenance
from bench.store.store import FILE, Result, Store
from bench.tables.costs import COSTS, costs_of

STACKS = 100  # stored at once


def merge(out: Path, folders: Sequence[Path]) -> Manifest:
    """Copy the outcomes of `folders` to `out`; what is there with all that was asked stays.

    A store of `out` in which nothing was noted, as a kill leaves it, counts as none.

    Returns the manifest of all of them. Raises FolderMismatchError when they are not parts of one
    experiment or were computed by different code, and StoreError when one cannot be read.
    """
    stores = [Store.read(folder) for folder in folders]
    if (out / FILE).exists():
        there = Store.read(out)
        if there.meta or there.damage:
            stores.append(there)
        else:
            there.close()
    try:
        parts = _manifests(stores)
        _refuse_strangers(stores, parts)
        fingerprint = read_fingerprint(_filled(stores)[0])
        # Each once, where it stands last: of what they say differently, the last has its way.
        apart = {id(part): part for part in reversed(parts)}
        whole = manifests.united([*reversed(apart.values())])
        with Store.open(out) as target:
            if whole.claims:
                records = [beforehand.record_of(store.meta) for store in stores]
                target.set_meta(**{beforehand.CLAIMS: beforehand.joined(records, whole.claimed)})
            note(target, whole, fingerprint=fingerprint)
            for store in stores[: len(folders)]:
                # A stack by itself would wait for the disk as long as it takes to copy a hundred.
                for some in _batches(store.results(), STACKS):
                    target.add(*(new for result in some if (new := _lacking(target, result)).keys))
            _add_costs(target, stores)
        return whole
    finally:
        for store in stores:
            store.close()


def _manifests(stores: Sequence[Store]) -> list[Manifest]:
    """What each of `stores` was asked to do: one object where that is the same.

    The tasks of an array have the whole plan each, and that of a million trials is there once.
    """
    found: list[tuple[Any, Manifest]] = []
    parts = []
    for store in stores:
        plain = store.meta.get("manifest")
        part = next((known for there, known in found if there == plain), None)
        if part is None:
            part = read_manifest(store)
            found.append((plain, part))
        parts.append(part)
    return parts


def _lacking(target: Store, result: Result) -> Result:
    """What `target` lacks of a stack, wholly or in part, with its share of the seconds."""
    lacking = [
        (key, record)
        for key, record in zip(result.keys, result.records, strict=True)
        if key not in target or not {*record.asked} <= {*target.asked(key)}
    ]
    share = len(lacking) / len(result.keys)
    return result._replace(
        keys=tuple(key for key, _ in lacking),
        records=[record for _, record in lacking],
        kernel_seconds=result.kernel_seconds * share,
        wall_seconds=result.wall_seconds * share,
    )


def _filled(stores: Sequence[Store]) -> Sequence[Store]:
    """Those with results; all where none has any."""
    return [store for store in stores if len(store)] or stores


def _add_costs(target: Store, stores: Sequence[Store]) -> None:
    """Of every problem what the first folder measured that has most of its rules."""
    found: dict[str, Mapping[str, Sequence[float]]] = {}
    for store in stores:
        for problem, rounds in costs_of(store).items():
            if len(rounds) > len(found.get(problem, {})):
                found[problem] = rounds
    if found != costs_of(target):
        target.set_meta(**{COSTS: found})


def _batches(results: Iterator[Result], size: int) -> Iterator[tuple[Result, ...]]:
    """So many of the results at a time, and what is left."""
    while some := tuple(itertools.islice(results, size)):
        yield some


def _agree(one: Plan, other: Plan) -> bool:
    """Whether two plans have the same trials under the same numbers."""
    _, mine, its = np.intersect1d(one.indexes, other.indexes, return_indices=True)
    return bool((one.keys.digests[mine] == other.keys.digests[its]).all())


def _refuse_strangers(stores: Sequence[Store], parts: Sequence[Manifest]) -> None:
    first = stores[0]
    compared: dict[int, Plan] = {}
    for store in stores:
        intact(store)
    for store, manifest in zip(stores, parts, strict=True):
        here, there = first.path.parent, store.path.parent
        if manifest.spec != parts[0].spec:
            raise FolderMismatchError(f"{here} and {there}: not parts of one experiment")
        if manifest.metrics != parts[0].metrics:
            raise FolderMismatchError(f"{here} and {there}: measured by different metrics")
        if id(manifest) not in compared:
            if not all(_agree(manifest.plan, plan) for plan in compared.values()):
                raise FolderMismatchError(
                    f"{here} and {there}: configurations or further seeds were chosen from "
                    "different results, so not to be joined"
                )
            compared[id(manifest)] = manifest.plan
        if store not in _filled(stores):
            continue  # nothing of it was computed yet
        first = _filled(stores)[0]
        here = first.path.parent
        differ = provenance.differences(read_fingerprint(first), read_fingerprint(store))
        if differ:
            lines = "\n".join(f"  {line}" for line in differ)
            raise FolderMismatchError(
                f"{here} and {there}: computed by something else, so not to be joined:\n{lines}"
            )
