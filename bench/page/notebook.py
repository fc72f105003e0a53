"""What a notebook shows of results: verdicts, the ranking as a picture and as a table."""

from __future__ import annotations

from bench.figures import book, style
from bench.figures.material import Material
from bench.page.markup import element, text
from bench.page.sections import verdicts


def summary(line: str, material: Material | None) -> str:
    """A piece of HTML: `line`, and what is known of the experiment, if anything is."""
    head = element("p", element("code", text(line)))
    if material is None:
        return head
    ranking = [paint for (name, *_), paint in book.plan(material) if name == "ranking"]
    with style.applied():
        picture = style.drawn(ranking[0](), "png") if ranking else None
    return head + verdicts(material, picture, ())
