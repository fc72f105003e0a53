"""A results folder: what its last run was asked, and what must not be mixed with it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.plan import reading, writing
from bench.plan.manifest import Manifest
from bench.plan.spans import Plan
from bench.plan.trial import Trial
from bench.store import beforehand, provenance
from bench.store.keys import Keys
from bench.store.store import Damage, DamagedError, FolderError, Store, place
from nncore.datasets import datasets
from nncore.initializers import initializers
from nncore.layers import layers
from nncore.losses import losses
from nncore.registry import Registry
from nncore.rules import rules
from nncore.schedules import schedules
from nncore.wrappers import wrappers

MISSING = "missing"  # a trial that has still to be trained
# What takes part in training; metrics, tables and figures only look at it.
COMPUTING: tuple[Registry[Any], ...] = (
    *(rules, wrappers, schedules, datasets, layers, losses, initializers),
)


class FolderMismatchError(Exception):
    """The results folder holds something that the run must not be mixed with."""

    exit_code = 2


def read_manifest(store: Store) -> Manifest:
    """What the folder's last run was asked to do.

    Raises FolderError when no run got that far, DamagedError when it cannot be made out.
    """
    if "manifest" not in store.meta:
        if store.damage:
            raise DamagedError(store.path, store.damage)
        raise FolderError(f"{store.path.parent}: a run began here and stored nothing yet")
    try:
        return reading.from_json(store.meta["manifest"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        problem = Damage("meta 'manifest'", "is not one of an experiment")
        raise DamagedError(store.path, [problem]) from error


def read_fingerprint(store: Store) -> Mapping[str, Any]:
    """What computed the folder's results.

    Raises FolderMismatchError where that is lost, DamagedError where it cannot be made out.
    """
    found = store.meta.get("fingerprint")
    if found is None:
        raise FolderMismatchError(
            f"{store.path.parent}: the record of what computed its results is lost, so nothing can "
            "be compared with them; start again with --fresh, or keep both with --out OTHER-FOLDER"
        )
    if provenance.FORM.faults(found):
        problem = Damage("meta 'fingerprint'", "is none of a run")
        raise DamagedError(store.path, [problem])
    return dict(found)


def intact(store: Store) -> Store:
    """`store`, if all of it can be trusted; raises DamagedError otherwise."""
    if store.damage:
        raise DamagedError(store.path, store.damage)
    return store


def done(store: Store, trials: Sequence[Trial], *, retry_crashed: bool = False) -> set[str]:
    """Keys of the `trials` that need no training: stored, with all that is now asked for."""
    plan = Plan.of(trials)
    found = _ended(store, plan)
    kept = (found != MISSING) & ~(retry_crashed & (found == "crashed"))
    return {*Keys(plan.keys.digests[kept.astype(bool)])}


def statuses(store: Store, trials: Sequence[Trial]) -> list[str]:
    """How each trial ended; "missing" if it has still to be trained."""
    return _ended(store, Plan.of(trials)).tolist()


def _ended(store: Store, plan: Plan) -> NDArray[np.object_]:
    """How each trial ended; "missing" where not all that is now asked for is stored."""
    found = np.full(len(plan), MISSING, dtype=object)
    for asked, positions, statuses in store.endings(plan.keys):
        enough = np.array([asked >= {*span.asked} for span in plan.spans], bool)
        here = enough[plan.span_numbers(positions)]
        found[positions[here]] = statuses[here]
    return found


def note(store: Store, manifest: Manifest, fingerprint: Any = None) -> None:
    """Record what is asked and what computes it, if it is not recorded already.

    Plugins that come later are recorded with the first ones.
    """
    now = json.loads(json.dumps(writing.to_json(manifest)))
    new: dict[str, Any] = {}
    if store.meta.get("manifest") != now:
        new["manifest"] = now
    mine = fingerprint or fingerprint_of(manifest)
    known = store.meta.get("fingerprint", mine) if len(store) else mine
    known = {**known, "plugins": {**mine["plugins"], **known["plugins"]}}
    recorded = beforehand.record_of(store.meta)
    claims = beforehand.noted(
        {**_replaced(store, manifest), **recorded}, manifest.claimed, results=len(store) > 0
    )
    if claims != recorded:
        new[beforehand.CLAIMS] = claims
    if store.meta.get("fingerprint") != known:
        new["fingerprint"] = known
    if new:
        store.set_meta(**new, environment=provenance.environment())


def _replaced(store: Store, manifest: Manifest) -> Mapping[str, bool]:
    """What the results that a fresh run is to replace say of when claims were made.

    Whoever has seen them knows what the same trials give again.
    """
    folder = store.path.parent
    if store.path == place(folder) or not place(folder).exists():
        return {}
    try:
        with Store.read(folder) as old:
            known = beforehand.record_of(old.meta)
            found = old.meta.get("manifest")
            same = isinstance(found, dict) and found.get("name") == manifest.name
            return beforehand.noted(known, manifest.claimed, results=len(old) > 0 and same)
    except DamagedError:
        return beforehand.noted({}, manifest.claimed, results=True)


def fingerprint_of(manifest: Manifest) -> Any:
    """That of this process, with the plugins that compute; others measure and draw.

    What trials record is asked for by its source, one by one.
    """
    computing = {entry.origin for registry in COMPUTING for entry in registry.values()}
    return provenance.fingerprint([p for p in manifest.spec.get("plugins", ()) if p in computing])


def refuse_other(store: Store, manifest: Manifest, *, machine: bool = True) -> None:
    """Raise FolderMismatchError when what is stored does not belong with what is asked.

    Without `machine`, the processor here may be of another kind: nothing is computed on it.
    """
    folder = store.path.parent
    # What this run does not understand of it, it writes anew.
    found = store.meta.get("manifest")
    stored = found.get("name") if isinstance(found, dict) else None
    if stored is not None and stored != manifest.name:
        raise FolderMismatchError(
            f'{folder}: holds results of the experiment "{stored}", not of "{manifest.name}"; '
            "choose another folder with --out, or replace them with --fresh"
        )
    if not len(intact(store)):
        return
    differ = provenance.differences(
        read_fingerprint(store), fingerprint_of(manifest), machine=machine
    )
    if differ:
        raise FolderMismatchError(
            f"{folder}: its results were computed by something else, so new ones cannot be "
            "compared with them:\n"
            + "\n".join(f"  {line}" for line in differ)
            + "\nstart again with --fresh, or keep both with --out OTHER-FOLDER"
        )
