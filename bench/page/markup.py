"""Small pieces of HTML. What comes from specs and results goes through `text`, and stays text."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bench.tables.words import value_text


def text(value: object) -> str:
    """`value` as text, wherever in a page it stands.

    >>> text("<script>'1'")
    '&lt;script&gt;&#x27;1&#x27;'
    """
    return html.escape(str(value))


def element(name: str, *inside: str, **attributes: object) -> str:
    """An element with markup inside; attributes are texts, `class_` and `data_x` have dashes.

    >>> element("p", "a", class_="b")
    '<p class="b">a</p>'
    """
    own = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return f"<{name}{own}>{''.join(inside)}</{name}>"


def listed(lines: Iterable[str], **attributes: object) -> str:
    """A list of texts; nothing of none."""
    items = [element("li", text(line)) for line in lines]
    return element("ul", *items, **attributes) if items else ""


def table(frame: pd.DataFrame, caption: str, names: Sequence[str]) -> str:
    """A table of a few rows, numbers to three digits on the right, in a box that scrolls."""
    numbers = [pd.api.types.is_numeric_dtype(frame[column]) for column in frame]
    head = "".join(
        element("th", text(name), scope="col", **({"class": "number"} if right else {}))
        for name, right in zip(names, numbers, strict=True)
    )
    rows = [
        "".join(
            element("td", text(_cell(value)), **({"class": "number"} if right else {}))
            for value, right in zip(row, numbers, strict=True)
        )
        for row in frame.itertuples(index=False, name=None)
    ]
    body = "".join(element("tr", row) for row in rows)
    inner = element("caption", text(caption)) + element("thead", element("tr", head))
    whole = element("table", inner + element("tbody", body))
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _cell(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return value_text(value)
