"""What every page is: one file that loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from bench.figures.style import COLOURS
from bench.page.markup import element, text

# Where white would be lost on black, and black on a dark page.
DARK = ("#4aa3df", "#f0803c", "#2fc79a", "#e39bc4", "#7cc7f0", "#f0b84a", "#e8e8e8", "#d9679f")


def document(title: str, body: Sequence[str], *, policy: str, generator: str = "bench") -> str:
    """An HTML document, pieces of markup its body; `policy` says what it may load and run."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{text(policy)}">',
            f'<meta name="generator" content="{text(generator)}">',
            element("title", text(title)),
            f"<style>\n{colours()}\n{asset('page.css')}</style>",
            "</head>",
            '<body class="bare">',
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def asset(name: str) -> str:
    """A file of the page's own."""
    return (resources.files("bench.page") / "assets" / name).read_text(encoding="utf-8")


def colours() -> str:
    """The optimizers' colours, as figures have them, and on a dark page."""
    light, dark = (
        "".join(f"--slot-{i}:{colour};" for i, colour in enumerate(some))
        for some in (COLOURS, DARK)
    )
    media = "@media screen and (prefers-color-scheme:dark)"
    return f":root{{{light}}}\n{media}{{:root:not(.printing){{{dark}}}}}"
