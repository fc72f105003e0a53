"""Write the README's generated tables again, and copy the figure it shows: `make readme`.

With `--check`, change nothing and exit 1 when the tables are not those of registries and gallery.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from bench.cli import catalogue

ROOT = Path(__file__).resolve().parent.parent
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE = ROOT / "results" / "optimizers" / "figures" / "ranking.png"
CLAIMS = ROOT / "experiments" / "claims"
SHOWN = ROOT / "results" / "reference" / "optimizers" / "ranking.png"


def gallery() -> Iterator[str]:
    """The lines of a table with the first claim of every spec of the gallery.

    The answers are those that the specs expect, to which `make claims` holds them.
    """
    yield "| claim | source | answer at this size |"
    yield "|---|---|---|"
    for path in sorted(CLAIMS.glob("*.toml")):
        first = tomllib.loads(path.read_text(encoding="utf-8"))["claim"][0]
        cells = (first["text"], first["source"], first["expected"])
        yield "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |"


def rewritten(text: str) -> str:
    """`text` with every generated table as the registries and the gallery say."""

    def table(found: re.Match[str]) -> str:
        kind = found[2]
        lines = "\n".join(gallery()) if kind == "gallery" else catalogue.markdown(kind)
        return f"{found[1]}{lines}\n{found[3]}"

    return TABLE.sub(table, text)


def main() -> int:
    """Rewrite or check; returns the exit code."""
    readme = ROOT / "README.md"
    old = readme.read_text(encoding="utf-8")
    new = rewritten(old)
    if "--check" in sys.argv[1:]:
        return int(old != new)
    readme.write_text(new, encoding="utf-8")
    if FIGURE.exists():
        SHOWN.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FIGURE, SHOWN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
