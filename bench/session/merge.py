"""Joining the folders of shards: `bench merge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.plan import manifest as manifests
from bench.plan.manifest import Manifest
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
                for result in store.results():
                    if (new := _lacking(target, result)).keys:
                        target.add(new)
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


def _refuse_strangers(stores: Sequence[Store], parts: Sequence[Manifest]) -> None:
    first = stores[0]
    planned: dict[int, str] = {}
    compared: set[int] = set()
    for store in stores:
        intact(store)
    for store, manifest in zip(stores, parts, strict=True):
        here, there = first.path.parent, store.path.parent
        if manifest.spec != parts[0].spec:
            raise FolderMismatchError(f"{here} and {there}: not parts of one experiment")
        if manifest.metrics != parts[0].metrics:
            raise FolderMismatchError(f"{here} and {there}: measured by different metrics")
        if id(manifest) not in compared:
            compared.add(id(manifest))
            keys = {trial.index: trial.key for trial in manifest.trials}
            if any(planned.get(index, key) != key for index, key in keys.items()):
                raise FolderMismatchError(
                    f"{here} and {there}: configurations or further seeds were chosen from "
                    "different results, so not to be joined"
                )
            planned |= keys
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
