"""Two results folders side by side: what changed from the first to the second."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.session.folder import intact, read_fingerprint, read_manifest
from bench.session.results import Results
from bench.store.store import Store

if TYPE_CHECKING:
    from bench.gate.compare import Comparison
    from bench.gate.curves import Curves


class NothingCommonError(Exception):
    """Two results have no configuration in common, on any seed."""

    exit_code = 2


def compare(
    first: Results | str | Path, second: Results | str | Path, *, margin: float | None = None
) -> Comparison:
    """What changed from the first results (or their folder) to the second.

    Configurations are those of the same problem, rule and hyperparameters, whatever specs call them
    and whatever code computed them; they are paired on the seeds that both have. `margin` 0.1 (the
    default): what differs by up to 10% is the same. `.words` has the changes by their word.

    Raises NothingCommonError, StoreError when there are no results or some are damaged, ValueError
    for a margin that is not positive.
    """
    from bench.gate import compare as gate
    from bench.gate.check import MARGIN

    sides = [_measured(side) for side in (first, second)]
    found = gate.compare(
        sides[0][0],
        sides[1][0],
        margin=MARGIN if margin is None else margin,
        made_with=(sides[0][1], sides[1][1]),
    )
    if not found.changes:
        raise NothingCommonError(
            f"{_folder(first)} and {_folder(second)}: have no configuration in common, on no seed"
        )
    return found


def _folder(side: Results | str | Path) -> Path:
    return side.folder if isinstance(side, Results) else Path(side)


def _measured(side: Results | str | Path) -> tuple[list[Curves], dict[str, str]]:
    """The curves of a side, and what computed them."""
    from bench.gate.curves import measured

    with Store.read(_folder(side)) as store:
        made_with = read_fingerprint(intact(store))
        return list(measured(store, read_manifest(store))), {
            key: made_with[key] for key in ("numpy", "blas", "vectors")
        }
