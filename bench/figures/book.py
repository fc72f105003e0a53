"""The figures of an experiment: every registered page that it fills; their names and files."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from bench.figures import pages, style
from bench.figures.material import Material
from bench.figures.pages import Page
from bench.run.copies import copies
from nncore.registry import BUILT_IN

ENCODING = sys.getfilesystemencoding()  # ASCII, where somebody has switched UTF-8 off


def draw(
    material: Material,
    directory: Path,
    at_work: Callable[[Page], AbstractContextManager[None]] = lambda _: nullcontext(),
    drawn: Callable[[int, int], None] = lambda done, of: None,
    lacks: Callable[[str], None] = lambda letter: None,
    form: str = "png",
    jobs: int = 1,
) -> list[Path]:
    """Draw every figure that `material` allows into `directory`; returns their paths, in order.

    As files of a format of `style.FORMATS`; those of pages that are not a plugin's in up to `jobs`
    processes.

    A page draws within `at_work(page)`, which may swallow what it raises; after each figure
    `drawn(figures done, figures there are)` is called, and `lacks` with each letter that the font
    does not have. Drawing the same material again writes the same bytes. Raises OSError when
    `directory` cannot be written.
    """
    names, written = FileNames(), list[Path]()
    planned: list[tuple[Page, list[Picture]]] = []
    for page in _pages(material):
        with at_work(page):
            found = list(_figures(page, material))
            paths = [(directory / names.claim(*n)).with_suffix(f".{form}") for n, _ in found]
            pictures = [Picture(path, paint) for path, (_, paint) in zip(paths, found, strict=True)]
            planned.append((page, pictures))
    count = sum(len(pictures) for _, pictures in planned)
    ours = [picture for page, some in planned if page.origin == BUILT_IN for picture in some]
    places = {picture.path: place for place, picture in enumerate(ours)}
    with copies([picture.draw for picture in ours], jobs) as result:
        for page, pictures in planned:
            with at_work(page):
                for picture in pictures:
                    place = places.get(picture.path)
                    letters = picture.draw() if place is None else result(place)
                    for letter in letters:
                        lacks(letter)
                    written.append(picture.path)
                    drawn(len(written), count)
    return written


@dataclass(frozen=True)
class Picture:
    """A figure to be drawn, and the file that it goes to."""

    path: Path
    paint: Callable[[], Figure]

    def draw(self) -> list[str]:
        """Draw it; returns the letters that the font lacks. Raises what the page does, OSError."""
        letters: list[str] = []
        with style.applied():
            style.save(self.paint(), self.path, letters.append)
        return letters


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
