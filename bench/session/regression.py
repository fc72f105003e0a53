"""Has convergence regressed? The gate for results folders and for a user's own tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.spec import experiment as spec
from bench.store.store import Store

if TYPE_CHECKING:
    from bench.gate.findings import Check
from bench.session.folder import intact, read_fingerprint, read_manifest
from bench.session.results import Results, open_results, results_of


def check(
    result: Results | str | Path,
    baseline: str | Path,
    *,
    margin: float | None = None,
    strict: bool = False,
) -> Check:
    """Has convergence regressed? `result` (or its folder) against a file of `bench baseline`.

    `.ok` without a regression, `str()` what was found; `margin` 0.1 (the default) lets losses and
    times to the target be 10% larger; `strict` fails on any rule whose numbers changed by more than
    rounding, even to the better. For a test of your own:

        result = bench.run("my_rule.toml")
        found = bench.check(result, "my_rule.json")
        assert found.ok, str(found)

    Raises BaselineError for a file that is no baseline, ValueError for a margin that is not
    positive, StoreError when there are no results or some are damaged, FolderMismatchError when
    nobody knows any more what computed them.
    """
    from bench.gate import baseline as baselines
    from bench.gate import check as gate
    from bench.gate.curves import measured

    folder = result.folder if isinstance(result, Results) else Path(result)
    old = baselines.read(baseline)
    with Store.read(folder) as store:
        made_with = _made_with(intact(store))
        found = list(measured(store, read_manifest(store)))
    margin = gate.MARGIN if margin is None else margin
    return gate.check(old, found, margin=margin, made_with=made_with, strict=strict)


def _made_with(store: Store) -> dict[str, str]:
    """What rounds numbers its own way, in words."""
    found = read_fingerprint(store)
    return {k: found[k] for k in ("numpy", "blas", "vectors")}


def write_baseline(
    result: Results | str | Path, out: str | Path | None = None, *, jobs: int | None = None
) -> Path:
    """Write the baseline of a result (or its folder); by default DIR/baseline.json.

    Trains the first three seeds of every configuration in the other precision, to know how far
    early records can be compared between machines. Raises BaselineError when trials are missing or
    have crashed, StoreError and FolderMismatchError as `check` does, OSError when the file cannot
    be written.
    """
    from bench.gate import baseline as baselines
    from bench.gate.curves import measured, other_precision

    results = result if isinstance(result, Results) else open_results(result)
    folder = results.folder
    with Store.read(folder) as store:
        made_with = _made_with(intact(store))
        manifest = read_manifest(store)
        results = results_of(folder, manifest, store)
        if results.missing or results.crashed:
            raise baselines.BaselineError(
                f"{folder}: {results.missing:,} trials are missing and {results.crashed:,} have "
                "crashed; a baseline needs them all"
            )
        found = list(measured(store, manifest))
    paths = [Path(path) for path in manifest.spec.get("plugins", ())]
    if paths:
        spec.load(manifest.spec)
    others = other_precision(found, jobs, paths)
    made = baselines.of(found, manifest.name, others=others, made_with=made_with)
    return baselines.write(made, out if out is not None else folder / "baseline.json")
