"""Write the README's generated tables again, and copy the figure it shows: `make readme`.

With `--check`, change nothing and exit 1 when the tables are not what the registries say.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from bench.cli import catalogue

ROOT = Path(__file__).resolve().parent.parent
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE = ROOT / "results" / "optimizers" / "figures" / "ranking.png"
SHOWN = ROOT / "results" / "reference" / "optimizers" / "ranking.png"


def rewritten(text: str) -> str:
    """`text` with every generated table as the registries say."""
    return TABLE.sub(lambda m: f"{m[1]}{catalogue.markdown(m[2])}\n{m[3]}", text)


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
