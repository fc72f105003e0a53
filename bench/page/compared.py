"""A comparison of two results as a page of its own: sentences, a picture, a table."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import pandas as pd

from bench.figures import style
from bench.figures.changes import changes_figure
from bench.gate.compare import Comparison, sentences
from bench.page.document import document
from bench.page.markup import element, listed, table, text

COLUMNS = ["problem", "optimizer", "configuration", "seeds", "change", "median", "from", "to"]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def frame(found: Comparison) -> pd.DataFrame:
    """A row per configuration of both, in the order in which changes are told."""
    rows = []
    for changes in found.words.values():
        for change in changes:
            one = change.forth
            ends = change.interval or (float("nan"),) * 3
            where = [one.problem, one.optimizer, one.settings, one.seeds]
            rows.append([*where, change.word, *ends])
    return pd.DataFrame(rows, columns=COLUMNS)


def page(found: Comparison, first: str, second: str) -> str:
    """The page, which loads nothing from anywhere and needs no script."""
    title = f"{second} beside {first}"
    with style.applied():
        drawn = changes_figure(found, first, second)
        picture = style.drawn(drawn, "png") if drawn is not None else b""
    shown: Sequence[str] = (
        [
            '<figure class="picture"><img alt="The headline of the second as a multiple of the '
            "first's with its interval, a configuration a row: the table has the numbers\" "
            f'src="data:image/png;base64,{base64.b64encode(picture).decode("ascii")}"></figure>'
        ]
        if picture
        else []
    )
    body = [
        element(
            "header",
            element("p", "bench, two results compared", class_="over"),
            element("h1", text(title)),
        ),
        "<main>",
        element(
            "section",
            element("h2", "What changed"),
            listed(sentences(found, first, second), class_="verdicts"),
            *shown,
        ),
        element(
            "section",
            element("h2", "Every configuration"),
            table(
                frame(found),
                "Medians over the seeds of both: of losses the second's as a multiple of the "
                "first's, of scores by how much the second is worse; with the bounds that decide",
                COLUMNS,
            ),
        ),
        "</main>",
    ]
    return document(title, body, policy=POLICY)
