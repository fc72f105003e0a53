"""The tables of docs/bridges.md are as tools/bridges.py writes them, by nobody's hand."""

from __future__ import annotations

import re

import pytest

from tests import ROOT

PAGE = (ROOT / "docs" / "bridges.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `(?P<name>[\w.]+:\w+)` \| (?P<price>[\d.]*) \| (?P<why>.*) \|")


@pytest.mark.parametrize("module", ["torch.optim", "optax", "pytorch_optimizer"])
def test_a_table_counts_its_rows_and_gives_each_a_price_or_a_reason(module: str) -> None:
    [table] = re.findall(rf"<!-- {re.escape(module)} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    head, blank, names, line, *lines = table.splitlines()
    rows = [row for row in map(ROW.fullmatch, lines) if row]
    assert len(rows) == len(lines)
    assert (blank, names, line) == ("", "| rule | x adam | why not |", "|---|--:|---|")
    assert all(bool(row["price"]) != bool(row["why"]) for row in rows)
    runs = sum(bool(row["price"]) for row in rows)
    assert re.fullmatch(rf"{runs} of {len(rows)} run \([^()]+\)\.", head)
