"""The pages of the site that are made: links that lead somewhere, every command, every name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bench.cli import catalogue, main
from nncore.registry import Entry
from tests import ROOT
from tools import site_pages

MADE = site_pages.made()
WRITTEN = {path.name: path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")}
PAGES = MADE | WRITTEN


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_pictures(name: str) -> None:
    text = site_pages.relinked(PAGES[name], site_pages.source_of(name))
    links = [link for _, _, link in site_pages.LINK.findall(text)]
    inside = {link.partition("#")[0] for link in links if "://" not in link and link[0] != "#"}
    assert inside <= {*PAGES, *site_pages.pictures()}


def test_what_has_no_page_is_no_link() -> None:
    text = "[a](docs/gate.md#b) [c](experiments/plugins) ![d](e.png) [f](https://g) [h](#i)"
    assert site_pages.relinked(text, "README.md") == "[a](gate.md#b) `c` `d` [f](https://g) [h](#i)"
    assert site_pages.relinked("[a](../README.md)", "docs/gate.md") == "[a](index.md)"


def test_the_front_page_shows_its_picture() -> None:
    [picture] = site_pages.pictures()
    assert (ROOT / picture).is_file()
    assert f"]({picture})" in site_pages.relinked(MADE["index.md"], "README.md")


@pytest.mark.parametrize("name", [n for n, c in main.commands.items() if not c.hidden])
def test_every_command_is_told_with_its_options(name: str) -> None:
    [told] = re.findall(
        rf"^## bench {name}\n\n```text\n(.*?)\n```", MADE["commands.md"], re.S | re.M
    )
    assert told.startswith(f"Usage: bench {name} ")
    for parameter in main.commands[name].params:
        assert all(option in told for option in parameter.opts if option.startswith("--"))


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_every_name_is_told_with_its_docstring(kind: str) -> None:
    entries: list[Entry] = catalogue.entries(kind)
    headings = re.findall(r"^## (.*)$", MADE[f"{kind}.md"], re.M)
    assert [entry.name for entry in entries] == headings
    assert all(catalogue.describe(entry) in MADE[f"{kind}.md"] for entry in entries)


def test_the_tour_has_every_cell() -> None:
    cells = json.loads((ROOT / "docs" / "tour.ipynb").read_text("utf-8"))["cells"]
    text = MADE["tour.md"]
    assert text.count("```python") == sum(cell["cell_type"] == "code" for cell in cells)
    assert all("".join(c["source"]).splitlines()[-1] in text for c in cells)


def test_code_in_a_list_is_code_to_python_markdown() -> None:
    text = "- a\n\n      $ b\n        c\n\ntext\n\n      d\n```\n- e\n      f\n```"
    assert site_pages.code_in_lists(text) == (
        "- a\n\n        $ b\n          c\n\ntext\n\n      d\n```\n- e\n      f\n```"
    )


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="https://a/b.js"></script>', True),
        ('<link rel="stylesheet" href="//a/b.css">', True),
        ('<link rel="stylesheet" href="assets/b.css">', False),
        ('<img alt="" src="http://a/b.png">', True),
        ('<a href="https://a">', False),
        ('<link rel="canonical" href="https://a">', False),
    ],
)
def test_what_a_browser_would_load_from_elsewhere_is_seen(html: str, found: bool) -> None:
    assert bool(site_pages.LOADED.search(html)) is found


def test_every_page_is_in_the_navigation() -> None:
    """mkdocs warns of what is left out, and `make site` fails; here without mkdocs."""
    text = (ROOT / "tools" / "mkdocs.yml").read_text("utf-8")
    named = set(re.findall(r"[\w/]+\.md", text))
    assert named == {*PAGES} - {f"{k}.md" for k in catalogue.KINDS}


def test_a_page_that_loads_from_elsewhere_fails_the_build(tmp_path: Any) -> None:
    mkdocs = pytest.importorskip("mkdocs.exceptions")
    config = type("Config", (), {"site_dir": str(tmp_path)})()
    (tmp_path / "a.html").write_text("<a href='https://b'>")
    site_pages.on_post_build(config)
    (tmp_path / "b.html").write_text('<img src="https://b/c.png">')
    with pytest.raises(mkdocs.PluginError, match=r"b\.html: <img src"):
        site_pages.on_post_build(config)
