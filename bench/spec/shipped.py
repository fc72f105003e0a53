"""The experiments that come with the harness: `@quick` is `experiments/quick.toml`."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from bench.spec.mistakes import SpecError, nearest

MARK = "@"
# In the repository, and where a wheel puts them (pyproject.toml).
PLACES = (
    Path(__file__).resolve().parents[2] / "experiments",
    Path(sysconfig.get_path("data")) / "share" / "bench-optimizers" / "experiments",
)


def shipped() -> dict[str, Path]:
    """Their files by name, as `quick` and `documents/003_spiral`."""
    folder = next((place for place in PLACES if place.is_dir()), None)
    if folder is None:
        return {}
    files = sorted(folder.rglob("*.toml"))
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def find(source: str | Path) -> Path:
    """The file that `source` names: `@NAME` one of ours, all else a path.

    Raises SpecError where there is none of that name.
    """
    if not str(source).startswith(MARK) or Path(source).exists():
        return Path(source)
    name, known = str(source).removeprefix(MARK), shipped()
    if name not in known:
        raise SpecError([f"{source}: there is no such experiment; {nearest(name, known)}"])
    return known[name]
