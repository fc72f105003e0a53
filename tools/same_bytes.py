"""Compare two folders of results: every number of every CSV, every byte of every PNG.

    python tools/same_bytes.py BEFORE AFTER

New columns and new files of AFTER are named and pass, columns and files of seconds (`*_seconds`,
`seconds*`) are left out, and what differs is named: the exit code is 1. For changes of the house
that must change no result.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path


def columns(path: Path) -> dict[str, list[str]]:
    """A CSV's columns as text, but for those of wall-clock time."""
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    return {
        name: [row[place] for row in rows]
        for place, name in enumerate(names)
        if not name.endswith("_seconds")
    }


def differences(before: Path, after: Path) -> Iterator[str]:
    """What differs between two files of one name, a line each."""
    if before.suffix != ".csv":
        if before.read_bytes() != after.read_bytes():
            yield "other bytes"
        return
    old, new = columns(before), columns(after)
    for name, values in old.items():
        if name not in new:
            yield f"column {name} is gone"
        elif len(values) != len(new[name]):
            yield f"{len(values)} rows, then {len(new[name])}"
            return
        elif changed := [
            row
            for row, pair in enumerate(zip(values, new[name], strict=True))
            if pair[0] != pair[1]
        ]:
            first = changed[0]
            yield (
                f"column {name}: {len(changed)} of {len(values)} values, first in row {first + 1}: "
                f"{values[first]!r}, then {new[name][first]!r}"
            )
    if fresh := [name for name in new if name not in old]:
        print(f"{after}: new columns {', '.join(fresh)}")


def main(before: Path, after: Path) -> int:
    """Print what differs; returns the exit code."""
    files = sorted(p for kind in ("*.csv", "*.png") for p in before.rglob(kind))
    files = [path for path in files if not path.name.startswith("seconds")]
    bad = 0
    for path in files:
        other = after / path.relative_to(before)
        found = [*differences(path, other)] if other.exists() else ["is gone"]
        bad += bool(found)
        for line in found:
            print(f"{path.relative_to(before)}: {line}")
    print(f"{len(files) - bad} of {len(files)} files the same")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
