"""Pages of the site that nobody writes: hooks of mkdocs, as `tools/mkdocs.yml` names them.

The README is the front page, CONTRIBUTING and CHANGELOG are pages, the tour is one of its cells;
the reference is what commands and registries say of themselves. A page that would load something
from elsewhere fails the build.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.cli import catalogue, main

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs"
STYLE = ROOT / "tools" / "site.css"
# Files of the repository that have a page of another name.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "docs/tour.ipynb": "tour.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
# What a browser loads by itself, from another place than the site.
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b[^>]*\brel=["']?(?:stylesheet|preconnect|preload|icon)[^>]*href=["']?(?:https?:)?//"""
)
WIDTH = 84  # of a command's help


def on_config(config: MkDocsConfig) -> None:
    """A page of every registry stands in the navigation."""
    [reference] = [item["Reference"] for item in config.nav or () if "Reference" in item]
    reference += [f"{kind}.md" for kind in catalogue.KINDS]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, the pictures that they show, and the style."""
    from mkdocs.structure.files import File

    for name, text in made().items():
        files.append(File.generated(config, name, content=text))
    copied = {place: ROOT / place for place in sorted(pictures())} | {STYLE.name: STYLE}
    for name, path in copied.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links and lists as mkdocs reads them."""
    return code_in_lists(relinked(markdown, source_of(page.file.src_uri)))


def on_post_build(config: MkDocsConfig) -> None:
    """Nothing that a browser would load is elsewhere. Raises a PluginError that says where."""
    from mkdocs.exceptions import PluginError

    wrong = [
        f"{path.name}: {found[0]}"
        for path in sorted(Path(config.site_dir).rglob("*.html"))
        for found in LOADED.finditer(path.read_text(encoding="utf-8"))
    ]
    if wrong:
        raise PluginError("loaded from elsewhere:\n" + "\n".join(wrong))


def made() -> dict[str, str]:
    """Name of a page -> its Markdown."""
    found = {}
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        found[name] = tour(text) if source.endswith(".ipynb") else text
    found["commands.md"] = "\n".join(commands())
    for kind in catalogue.KINDS:
        found[f"{kind}.md"] = "\n".join(registry(kind))
    return found


def relinked(text: str, source: str) -> str:
    """`text` of the file `source` with the links that its page has; to what has none, no link."""

    def link(found: re.Match[str]) -> str:
        mark, words, address = found.groups()
        if "://" in address or address.startswith("#"):
            return found[0]
        path, hash_, anchor = address.partition("#")
        place = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        return f"{mark}[{words}]({place}{hash_}{anchor})" if place else f"`{words}`"

    return LINK.sub(link, text)


def source_of(page: str) -> str:
    """The file of the repository that a page is."""
    return {name: source for source, name in PAGES.items()}.get(page, f"{DOCS}/{page}")


def page_of(path: str) -> str:
    """Where a file of the repository is on the site; nowhere, if it is not."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith(f"{DOCS}/"):
        return path.removeprefix(f"{DOCS}/")
    return path if path in pictures() else ""


def pictures() -> set[str]:
    """What the README shows, by its path."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return {address for mark, _, address in LINK.findall(text) if mark and "://" not in address}


def code_in_lists(text: str) -> str:
    """Code in the items of a list, which is six letters in, as deep as Python-Markdown wants it."""
    lines, listed, fenced = [], False, False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        if line and not line.startswith(" "):
            listed = line.startswith(("- ", "* "))
        deep = listed and not fenced and line.startswith(" " * 6)
        lines.append(f"  {line}" if deep else line)
    return "\n".join(lines)


def tour(text: str) -> str:
    """The cells of a notebook: its texts, and its code as it is typed."""
    parts = []
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
    told = 'These are the cells of <a href="tour.ipynb" download>a notebook</a>.'
    head, _, rest = "\n\n".join(parts).partition("\n")
    return f"{head}\n\n{told}\n{rest}\n"


def commands() -> Iterator[str]:
    """The lines of a page with the help of every command."""
    yield "# Commands"
    yield ""
    yield "As `bench COMMAND --help` prints it."
    yield ""
    yield _help(main, "bench")
    for name, command in sorted(main.commands.items()):
        if command.hidden:
            continue
        yield f"## bench {name}"
        yield ""
        yield _help(command, f"bench {name}")


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, terminal_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    return f"```text\n{command.get_help(context)}\n```\n"


def registry(kind: str) -> Iterator[str]:
    """The lines of a page with everything about all of one kind."""
    yield f"# {kind.capitalize()}"
    yield ""
    yield f"As `bench list {kind} NAME` prints it."
    yield ""
    yield catalogue.markdown(kind)
    for entry in catalogue.entries(kind):
        yield ""
        yield f"## {entry.name}"
        yield ""
        yield f"```text\n{catalogue.describe(entry)}\n```"
