"""The figures of an experiment: every registered page that it fills; their names and files."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from bench.figures import pages, style
from bench.figures.material import Material
from bench.figures.pages import Page

ENCODING = sys.getfilesystemencoding()  # ASCII, where somebody has switched UTF-8 off


def draw(
    material: Material,
    directory: Path,
    at_work: Callable[[Page], AbstractContextManager[None]] = lambda _: nullcontext(),
    drawn: Callable[[int, int], None] = lambda done, of: None,
    lacks: Callable[[str], None] = lambda letter: None,
    form: str = "png",
) -> list[Path]:
    """Draw every figure that `material` allows into `directory`; returns their paths, in order.

    As files of a format of `style.FORMATS`.

    A page draws within `at_work(page)`, which may swallow what it raises; after each figure
    `drawn(figures done, figures there are)` is called, and `lacks` with each letter that the font
    does not have. Drawing the same material again writes the same bytes. Raises OSError when
    `directory` cannot be written.
    """
    names, written = FileNames(), []
    planned = []
    for page in _pages(material):
        with at_work(page):
            planned.append((page, list(_figures(page, material))))
    count = sum(len(figures) for _, figures in planned)
    for page, figures in planned:
        with at_work(page):
            for name, paint in figures:
                with style.applied():
                    path = (directory / names.claim(*name)).with_suffix(f".{form}")
                    written.append(style.save(paint(), path, lacks))
                drawn(len(written), count)
    return written


def plan(material: Material) -> Iterator[tuple[tuple[str, ...], Callable[[], Figure]]]:
    """Parts of a name, and the function that draws it, of every figure; none without trials."""
    for page in _pages(material):
        yield from _figures(page, material)


def _pages(material: Material) -> list[Page]:
    return [] if material.tables.trials.empty else pages.of(material.plugins)


def _figures(
    page: Page, material: Material
) -> Iterator[tuple[tuple[str, ...], Callable[[], Figure]]]:
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
        words = [word.encode(ENCODING, "ignore")[:100].decode(ENCODING, "ignore") for word in words]
        stem = "_".join(word or "unnamed" for word in words)
        name, number = stem, 2
        while name.lower() in self.taken:
            name, number = f"{stem}_{number}", number + 1
        self.taken.add(name.lower())
        return f"{name}.png"
