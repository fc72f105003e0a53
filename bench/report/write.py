"""Frames and figures -> files: a report is written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.page import library
from bench.plan.manifest import Manifest
from bench.report import files
from bench.report import tables as csvs
from bench.report.best import best_spec
from bench.report.faults import Faults
from bench.report.told import VERDICTS, seeds_told, sweep_told
from bench.run.progress import Pace
from bench.spec import toml
from bench.store.store import Store
from bench.tables import csvtext
from nncore.registry import Entry

if TYPE_CHECKING:
    import pandas as pd

    from bench.figures.material import Material
    from bench.tables.bundle import Tables


PAGE = "report.html"
RANKING = "ranking"


class ReportError(Exception):
    """The disk is full, or the folder cannot be written."""

    exit_code = 74


def digest(store: Store, manifest: Manifest, *, html: bool = True, form: str = "png") -> str:
    """A SHA-256 of everything a report shows: what is stored, what was asked, the code between.

    `html` says whether it has a page, `form` the format of its figures.
    """
    found = hashlib.sha256(store.digest().encode())
    found.update(manifest.plan.keys.digests.tobytes())
    here = Path(__file__).parents[1]
    for source in sorted(p for kind in ("*.py", "assets/*") for p in here.rglob(kind)):
        found.update(source.read_bytes())
    found.update(library.version().encode() if html else b"no page")
    found.update(form.encode())
    for entry in _pieces(manifest.spec.get("plugins", ())):
        found.update(entry.digest.encode())
    found.update(json.dumps(manifest.spec, default=str, sort_keys=True).encode())
    return found.hexdigest()


def _pieces(plugins: Collection[str]) -> list[Entry]:
    """The pages and tables that the files `plugins` have registered."""
    if not plugins:  # and matplotlib need not be imported to find out
        return []
    from bench.figures.pages import pages

    entries: list[Entry] = [*pages.values(), *csvs.tables.values()]
    return [entry for entry in entries if entry.origin in plugins]


def _intact(folder: Path, stamp: str) -> tuple[Path, ...] | None:
    """The files of the last report, if it was written of what `stamp` says and none was changed."""
    last, digests = files.last_report(folder)
    if last != stamp:
        return None
    try:
        if all(files.digest(folder / name) == digest for name, digest in digests.items()):
            return tuple(folder / name for name in digests)
    except OSError:
        pass
    return None


def write(
    folder: Path,
    store: Store,
    manifest: Manifest,
    *,
    again: bool = True,
    html: bool = True,
    form: str = "png",
    jobs: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Write CSV files, figures, `best.toml`, `spec.toml`, `report.html` of what is stored so far.

    Returns the files; unless `again`, a report that is up to date and intact is left alone. Every
    file is replaced whole, so a reader never sees half of one. Raises ReportError when the folder
    cannot be written, LibraryError when the page's library is not installed; `html` says whether
    there is to be a page, `form` is the format of the figures, png, pdf or svg, which `jobs`
    processes draw.
    """
    stamp = digest(store, manifest, html=html, form=form)
    if not again and (old := _intact(folder, stamp)) is not None:
        return old
    files.remove_leftovers(folder)
    try:
        return _write(folder, store, manifest, stamp, html, form, jobs, say)
    except OSError as error:
        where = error.filename or folder
        raise ReportError(
            f"{where}: the report cannot be written: {error.strerror or error}; all finished "
            f"trials are stored, and `bench report {folder}` writes it"
        ) from error
    finally:
        files.remove_leftovers(folder)


def _write(
    folder: Path,
    store: Store,
    manifest: Manifest,
    stamp: str,
    html: bool,
    form: str,
    jobs: int,
    say: Callable[[str], None],
) -> tuple[Path, ...]:
    import pandas as pd

    from bench.figures.portion import left_out, portion
    from bench.page.build import page
    from bench.tables.bundle import Tables
    from bench.tables.curves import LEADING, curve_rows, no_rows
    from bench.tables.headline import without_costs
    from bench.tables.records import metric_columns
    from bench.verdicts import claim_words

    say("writing tables")
    written = [_replace(folder / "spec.toml", toml.dumps(manifest.spec))]
    names = metric_columns(store, manifest.plan, manifest.columns)
    trials, curves = folder / "trials.csv", folder / "curves.csv"
    with _rows(trials) as put, _rows(curves, LEADING) as below:
        below(no_rows(names))
        frames = Tables.of(
            store,
            manifest,
            lambda what: Pace(what, say).at,
            keep=put,
            see=lambda chunk, plan: below(curve_rows(chunk, plan, names)),
        )
    written += [trials, _csv(folder / "summary.csv", without_costs(frames.summary)), curves]
    if (frames.trials["status"] != "crashed").any():
        written.append(_replace(folder / "best.toml", best_spec(manifest, frames)))
        say("comparing optimizers")
        material = material_of(store, manifest, frames, say)
        faults, told = Faults(), dict[str, pd.DataFrame]()
        for table in csvs.of(material.plugins):
            with faults.of(table):
                if not table.when(material):
                    continue
                frame = table.function(material)
                written.append(_csv(folder / f"{table.name}.csv", frame))
                told[table.name] = frame
        claimed = claim_words.sentences(material.claims)
        lines = [*claimed, *filter(None, [material.judged]), *material.verdicts.sentences, ""]
        written.append(_replace(folder / VERDICTS, "\n".join(lines)))
        shown = portion(material)
        if shown is not material:
            say(left_out(material, shown))
        say("drawing figures")
        figures = _figures(folder, shown, faults, form, jobs, say)
        written += figures
        if html:
            say("writing the page")
            picture = _picture(shown, figures)
            text = page(store, manifest, shown, told, picture)
            written.append(_replace(folder / PAGE, text))
        faults.tell()
    files.remove_stale(folder, written)
    digests = {str(path.relative_to(folder)): files.digest(path) for path in written}
    _replace(folder / files.STAMP, json.dumps({"digest": stamp, "files": digests}, indent=1))
    return tuple(written)


def material_of(
    store: Store, manifest: Manifest, tables: Tables, say: Callable[[str], None] = lambda _: None
) -> Material:
    """What can be said about the trials, and all that figures are drawn from."""
    from bench import verdicts
    from bench.figures.material import Material
    from bench.report.claims import decided
    from bench.verdicts.samples import terms_of

    step = Pace("", say)

    def pace(what: str, items: Sequence[Any]) -> Iterator[Any]:
        nonlocal step
        step = Pace(what, say, before=step)
        return step.over(items)

    planned: Counter[str] = Counter()
    for span in manifest.plan.spans:
        planned[span.problem_name] += len(span)
    hosts = {stack.host for stack in store.stacks() if stack.host}
    return Material(
        tables,
        verdicts.judge(
            tables,
            targets=manifest.targets,
            planned=planned,
            fixed=manifest.fixed,
            terms=terms_of(manifest),
            hosts=len(hosts),
            remarks=manifest.remarks,
            pace=pace,
            watched=manifest.until is not None,
        ),
        planned=manifest.plan,
        targets=manifest.targets,
        losses={name: problem.loss for name, problem in manifest.problems.items()},
        judged=seeds_told(manifest, tables.trials),
        given=seeds_told(manifest, tables.trials, choice=False),
        swept=sweep_told(manifest, tables.trials),
        plugins=manifest.spec.get("plugins", ()),
        claims=decided(store, manifest),
    )


def _csv(path: Path, frame: pd.DataFrame) -> Path:
    with _rows(path) as put:
        put(frame)
    return path


@contextlib.contextmanager
def _rows(path: Path, leading: Sequence[str] = ()) -> Iterator[Callable[[pd.DataFrame], None]]:
    """A CSV file, and what puts frames into it one below the other.

    Of rows that share their `leading` columns, fast.
    """
    with files.replacing(path) as file:
        begun = False

        def put(frame: pd.DataFrame) -> None:
            nonlocal begun
            if not begun:
                frame.head(0).to_csv(file, index=False, lineterminator="\n")
            begun = True
            if leading:
                file.write(csvtext.body(frame, leading))
            else:
                frame.to_csv(file, index=False, header=False, lineterminator="\n")

        yield put


def _replace(path: Path, text: str) -> Path:
    with files.replacing(path) as file:
        file.write(text)
    return path


def _picture(material: Material, figures: Sequence[Path]) -> bytes | None:
    """The ranking as a PNG, as it was drawn or, where figures have another format, drawn again."""
    from bench.figures import book, style

    for path in figures:
        if path.stem == RANKING:
            if path.suffix == ".png":
                return path.read_bytes()
            paint = next(paint for name, paint in book.plan(material) if name == (RANKING,))
            with style.applied():
                return style.drawn(paint(), "png")
    return None


def _figures(
    folder: Path,
    material: Material,
    faults: Faults,
    form: str,
    jobs: int,
    say: Callable[[str], None],
) -> list[Path]:
    from bench.figures import book

    pace, letters = Pace("figures", say), dict[str, None]()
    temporary = files.temporary(folder / "figures")
    temporary.mkdir()
    try:
        drawn = book.draw(material, temporary, faults.of, pace.at, letters.setdefault, form, jobs)
        if letters:
            say(f"the font lacks letters of names, and figures have boxes for {''.join(letters)}")
        final = folder / "figures"
        if final.is_symlink():
            final.unlink()  # it may lead anywhere
        final.mkdir(exist_ok=True)
        for path in drawn:
            os.replace(path, final / path.name)
        return [final / path.name for path in drawn]
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
