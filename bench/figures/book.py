"""The figures of an experiment: every registered page that it fills; their names and files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from bench.figures import pages, style
from bench.figures.material import Material


def draw(material: Material, directory: Path) -> list[Path]:
    """Draw every figure that `material` allows into `directory`; returns their paths, in order.

    Drawing the same material again writes the same bytes. Raises OSError when `directory` cannot be
    written.
    """
    names, written = FileNames(), []
    for name, paint in plan(material):
        with style.applied():
            written.append(style.save(paint(), directory / names.claim(*name)))
    return written


def plan(material: Material) -> Iterator[tuple[tuple[str, ...], Callable[[], Figure]]]:
    """Parts of a name, and the function that draws it, of every figure; none without trials."""
    if material.tables.trials.empty:
        return
    for page in pages.of(material.plugins):
        for key in page.when(material):
            yield (page.name, *key), partial(page.function, material, *key)


class FileNames:
    """Names of files that no spec can lead out of the folder, and no two of which collide."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def claim(self, *parts: str) -> str:
        """A new file name from `parts`.

        >>> names = FileNames()
        >>> names.claim("curves", "../Spiral, $x"), names.claim("curves", "spiral x")
        ('curves_Spiral_x.png', 'curves_spiral_x_2.png')
        """
        words = [re.sub(r"[^\w+-]+", "_", part).strip("_")[:60] for part in parts]
        # Systems count bytes, 255 of them.
        words = [word.encode()[:100].decode(errors="ignore") for word in words]
        stem = "_".join(word or "unnamed" for word in words)
        name, number = stem, 2
        while name.lower() in self.taken:
            name, number = f"{stem}_{number}", number + 1
        self.taken.add(name.lower())
        return f"{name}.png"
