"""Text files of columns: what separates cells, whether there is a header, which line a row is in.

One pass over the file finds that, and rows that are too short or too long, which pandas would fill;
pandas then reads the columns that are asked for.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from array import array
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.datasets.cells import EXACT, SPELLINGS, is_mark, is_number
from nncore.files import open_plain

SEPARATORS = (",", ";", "\t", "|")
BLANKS = " "
SAMPLE = 100
# With a digit: what has none is a mark of a missing value, or text.
FIGURES = re.compile(r"[.,eE+\- ]*\d[\d.,eE+\- ]*")
SWAPPED = str.maketrans(".,", ",.")
# Excel's own: a first line that says what separates the cells of the others.
DECLARED = re.compile(r"""["']?sep=(.)["']?\s*""", re.I)


class TextFile:
    """The columns of a text file; `names` are those of the header, or numbers from 0.

    Raises ValueError for what is no such file, OSError for what cannot be read.
    """

    def __init__(
        self, path: str, separator: str = "", header: bool | str = "guess", decimal: str = "."
    ) -> None:
        self.path, self.points = path, decimal == "."
        self.separator, self.held, self._skipped = _usable(separator), 0, 0
        self._lines, self._head = array("q"), list[list[str]]()
        self._open_end = False
        try:
            with open_plain(path) as file:
                start = len(BOM_UTF8) if file.read(3) == BOM_UTF8 else 0
            with self._open(0) as lines:
                self._look(lines, start)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8 text: {error}") from None
        self.header = self._has_header(header)
        if self._open_end and not self.header:
            where, width = f"{path}, row {self._lines[1]}", len(self._head[0])
            raise ValueError(f"{where}: {width} cells, the first row has {width + 1}")
        if len(self._lines) <= self.header:
            raise ValueError(f"{path}: a header and at least one row of numbers, found none")
        if len(self._head[0]) < 2:
            what = f'a single column, "{self._head[0][0][:60]}"'
            raise ValueError(f'{path}: {what}; what separates cells? separator = ":" perhaps')
        self.numbered = not self.header
        self.names = [name.strip() for name in self._head[0]]
        if self.header:
            del self._lines[0]
        else:
            self.names = list(map(str, range(len(self.names))))

    def _open(self, start: int) -> io.TextIOWrapper:
        file = open_plain(self.path)
        file.seek(start)
        return io.TextIOWrapper(file, encoding="utf-8-sig", newline="")

    def _look(self, lines: Iterator[str], start: int) -> None:
        """Find what separates cells, and the rows; the text begins at byte `start`."""
        first = next(lines, "")
        declared = DECLARED.fullmatch(first)
        if declared and not self.separator:
            self.separator = _usable(declared[1], f"{self.path}, row 1: ")
        sample = list(itertools.islice(lines, SAMPLE))
        if declared:
            self._skipped = start + len(first.encode())
        else:
            sample.insert(0, first)
        try:
            self.separator = self.separator or _separator(sample)
            self._scan(itertools.chain(sample, lines), 2 if declared else 1)
        except csv.Error as error:
            raise ValueError(f"{self.path}: {error}") from None

    def _scan(self, lines: Iterable[str], number: int) -> None:
        """Note where the rows begin, and what is in the first ones; lines count from `number`.

        Raises ValueError for rows of another length than the first. A separator at the end of a
        line, where the first has none, separates nothing; nor does one at the end of names alone.
        """
        for line, row in self._rows(lines, number):
            width = len(self._head[0]) if self._head else len(row)
            if len(row) == width + 1 and not row[-1].strip():
                row = row[:-1]
            elif len(row) == width - 1 and len(self._head) == 1 and not self._head[0][-1].strip():
                self._head[0].pop()
                self._open_end = True
            elif len(row) != width:
                cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
                raise ValueError(f"{self.path}, row {line}: {cells}, the first row has {width}")
            self._lines.append(line)
            if len(self._head) <= SAMPLE:
                self._head.append(row)

    def _rows(self, lines: Iterable[str], number: int) -> Iterator[tuple[int, list[str]]]:
        """Rows that are not blank, and the lines at which they begin, counted from `number`."""
        rows, before = _cut(self._clean(lines, number), self.separator), 0
        for row in rows:
            line, before = before + number, rows.line_num
            if row and (len(row) > 1 or row[0].strip()):
                yield line, row

    def _clean(self, lines: Iterable[str], number: int) -> Iterator[str]:
        for at, line in enumerate(lines, start=number):
            if "\0" in line:
                raise ValueError(f"{self.path}, row {at}: a null byte; it is not UTF-8 text")
            yield _squeezed(line) if self.separator == BLANKS else line

    def _has_header(self, header: bool | str) -> bool:
        """Whether the first row names columns; raises ValueError where it is data by the looks."""
        if header != "guess" or len(self._head) < 2:
            return header is not False
        first, columns = self._head[0], list(zip(*self._head[1:], strict=True))
        numeric = [i for i, cells in enumerate(columns) if self._is_numeric(cells)]
        names = [first[i].strip() for i in numeric]
        if any(names == list(map(str, range(n, n + len(names)))) for n in (0, 1) if len(names) > 3):
            return True  # 0, 1, 2, ...: a data frame's columns that had no names
        if numeric:
            data = all(is_number(self._pointed(name)) or is_mark(name) for name in names)
        else:
            known = [cell in cells for cell, cells in zip(first, columns, strict=True)]
            data = 2 * sum(known) >= len(known)
        if data:
            shown = ", ".join(first[:5]) + (", ..." if len(first) > 5 else "")
            raise ValueError(
                f"{self.path}, row {self._lines[0]}: {shown}: data, where names of columns belong; "
                "header = false reads it so (columns and target are then numbers from 0), "
                "header = true takes it for names"
            )
        return True

    def where(self, index: int) -> str:
        """Where in the file a sample is.

        Lines count as an editor counts them, those of the header and blank ones included.
        """
        return f"row {self._lines[index]}"

    def cell(self, index: int, column: int) -> str:
        """What is written in a cell: the file is read again up to there."""
        with self._open(self._skipped) as lines:
            rows = itertools.islice(self._rows(lines, 1), index + bool(self.header), None)
            row = next(rows, (0, []))[1]
        return row[column].strip() if column < len(row) else ""

    def load(self, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, NDArray[Any]]:
        """Columns by their number: `texts` as they are written, `numbers` as what they are.

        A column of `numbers` that has anything else in it is text, too; NaN is missing. So is one
        of numbers too large for a float beside missing ones, which pandas would round.
        """
        found = self._load(numbers, texts)
        rounded = [i for i in numbers if found[i].dtype.kind == "f" and _rounded(found[i])]
        if rounded:
            found |= self._load([], rounded)
        if not self.points:
            for i, cells in found.items():
                if cells.dtype.kind == "O":
                    found[i] = np.array([self._pointed(cell) for cell in cells], dtype=object)
        return found

    def _pointed(self, cell: Any) -> Any:
        """A cell with a point for the decimal comma, and the other way round: 1.5 is no number."""
        swapped = not self.points and isinstance(cell, str) and FIGURES.fullmatch(cell)
        return cell.translate(SWAPPED) if swapped else cell

    def _is_numeric(self, cells: Sequence[str]) -> bool:
        there = [cell for cell in cells if not is_mark(cell)]
        return bool(there) and all(is_number(self._pointed(cell)) for cell in there)

    def _load(self, numbers: Sequence[int], texts: Sequence[int]) -> dict[int, NDArray[Any]]:
        import warnings

        import pandas as pd

        with open_plain(self.path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns with numbers and text: we look ourselves
            file.seek(self._skipped)
            try:
                frame = pd.read_csv(  # type: ignore[call-overload]  # "\\s+", and numbers as names
                    file,
                    sep=r"\s+" if self.separator == BLANKS else self.separator,
                    header=0 if self.header else None,
                    names=list(range(len(self.names))),
                    usecols=sorted({*numbers, *texts}),
                    index_col=False,
                    dtype=dict.fromkeys(texts, object),
                    keep_default_na=False,
                    na_values=dict.fromkeys(numbers, SPELLINGS),
                    skipinitialspace=True,
                    decimal="." if self.points else ",",
                    float_precision="round_trip",
                    encoding="utf-8-sig",
                )
            except ValueError as error:
                said = " ".join(str(error).split())
                if "EOF inside string" in said:  # all that follows is one cell, of our last row
                    said = f"row {self._lines[-1]}: a quotation mark is left open"
                raise ValueError(f"{self.path}: {said}") from None
        if len(frame) != len(self._lines):
            found = f"{len(self._lines)} rows, of which pandas finds {len(frame)}"
            raise ValueError(f"{self.path}: {found}; is a quotation mark left open?")
        return {int(name): column.to_numpy() for name, column in frame.items()}


def _usable(separator: str, where: str = "") -> str:
    """`separator`, if both readers can cut lines at it; raises ValueError otherwise."""
    if separator and (len(separator.encode()) > 1 or separator in '"\r\n\0'):
        found = f'{where}separator = "{separator}"'
        raise ValueError(f'{found}: one character of ASCII, ";" or "\\t" say')
    return separator


def _cut(lines: Iterable[str], separator: str) -> Any:
    return csv.reader(lines, delimiter=separator, skipinitialspace=True)


def _separator(sample: Sequence[str]) -> str:
    """What cuts most lines of `sample` into as many cells as the first.

    Of several the one that leaves the largest share of numbers, 1,5 being one, and then most cells.
    Blanks do only where nothing else does.
    """

    def fit(mark: str) -> tuple[int, float, int]:
        lines = map(_squeezed, sample) if mark == BLANKS else sample
        rows = [row for row in _cut(lines, mark) if row and row != [""]]
        counts = [len(row) for row in rows]
        if not counts or counts[0] < 2:
            return 0, 0.0, 0
        numbers = [is_number(cell.replace(",", ".")) for row in rows for cell in row]
        return counts.count(counts[0]), sum(numbers) / len(numbers), counts[0]

    best = max(SEPARATORS, key=fit)
    return best if fit(best)[0] > 1 or fit(BLANKS)[0] < 2 else BLANKS


def _squeezed(line: str) -> str:
    """`line` with one blank for each run of blanks and tabs."""
    return re.sub(r"[ \t]+", BLANKS, line.strip())


def _rounded(values: NDArray[np.float64]) -> bool:
    """Whether a column of numbers may have lost digits because some are missing."""
    return bool(np.isnan(values).any() and np.fmax.reduce(np.abs(values), initial=0.0) >= EXACT)
