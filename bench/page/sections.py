"""The page's text, there without a script: verdicts, ranking, audit, how it was made."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.figures.material import Material
from bench.page.markup import element, listed, table, text
from bench.plan.manifest import Manifest
from bench.spec import toml
from bench.tables import costs
from bench.verdicts import ALL, claim_words
from bench.verdicts.words import subject

# Kinds of figures: a title, and the page of the audit that concerns it.
FIGURES = {
    "curves": ("Training curves", "curves"),
    "sensitivity": ("Sensitivity to the learning rate", "sensitivity"),
    "heatmap": ("Maps of two hyperparameters", "heatmap"),
    "target": ("Time to the target", "target"),
    "pairs": ("Pairs on the same seeds", "pairs"),
    "spread": ("Spread over seeds", "spread"),
    "budget": ("The best after so many configurations", "budget"),
}
RANKING = {
    "problem": "problem",
    "optimizer": "optimizer",
    "settings": "configuration",
    "seeds": "seeds",
    "diverged": "diverged",
    "rank": "rank",
    "median": "median",
    "median_low": "from",
    "median_high": "to",
}


def header(manifest: Manifest, material: Material) -> str:
    """The title, and what was compared in a line."""
    trials = material.tables.trials
    counts = [
        _counted(trials["problem"].nunique(), "problem"),
        _counted(trials["optimizer"].nunique(), "optimizer"),
        _counted(trials["configuration"].nunique(), "configuration"),
        _counted(len(trials), "trial"),
    ]
    return element(
        "header",
        element("p", "bench, a comparison of optimizers", class_="over"),
        element("h1", text(manifest.name)),
        element("p", text(", ".join(counts)), class_="under"),
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def verdicts(material: Material, picture: bytes | None, left_out: Sequence[str]) -> str:
    """The verdicts, the ranking as a picture and as a table."""
    ranks = material.verdicts.ranking
    own = ranks[ranks["problem"] != ALL][list(RANKING)]
    metrics = ", ".join(dict.fromkeys(material.headline(p).words for p in material.problems))
    image = (
        element(
            "figure",
            f'<img alt="{text(_picture(material))}" src="data:image/png;base64,'
            f'{base64.b64encode(picture).decode("ascii")}">',
            element("figcaption", text(material.chosen)),
            class_="picture",
        )
        if picture
        else ""
    )
    rows = table(
        own,
        f"Ranking by the median {metrics}, with its interval at 95% for all of a problem together",
        list(RANKING.values()),
    )
    return element(
        "section",
        element("h2", "Verdicts"),
        listed(
            [*claim_words.sentences(material.claims), *material.verdicts.sentences],
            class_="verdicts",
        ),
        element("p", text(material.judged)) if material.judged else "",
        image,
        element("details", element("summary", "The ranking as a table"), rows),
        _remarks(material.audited("ranking"), left_out),
        id="verdicts",
    )


def _picture(material: Material) -> str:
    return (
        "The median of each optimizer's best configuration with its interval, a panel a problem: "
        "the table below has the numbers"
    )


def _remarks(audit: Sequence[str], left_out: Sequence[str] = ()) -> str:
    """What may mislead, beside what it concerns."""
    told = [*left_out, *audit]
    return element("div", element("h3", "Mind"), listed(told), class_="audit") if told else ""


def navigation(problems: Sequence[str]) -> str:
    """Links to the parts of the page."""
    parts = {"verdicts": "Verdicts"}
    parts |= {f"problem-{i}": name for i, name in enumerate(problems)}
    parts |= {"tables": "Tables", "audit": "Audit", "made": "How it was made"}
    links = [
        element("li", element("a", text(name), href=f"#{place}")) for place, name in parts.items()
    ]
    return element("nav", element("ul", *links), aria_label="Parts of the report")


def problem(material: Material, number: int, definition: Mapping[str, Any]) -> str:
    """A problem: what it is, its verdict, and a place for each of its figures."""
    name = material.problems[number]
    known = {*material.problems}
    told = [s for s in material.verdicts.sentences if subject(s, known) == name]
    return element(
        "section",
        element("h2", text(name)),
        element("p", text(_definition(definition)), class_="under"),
        listed(told, class_="verdicts"),
        *[_figure(material, number, kind) for kind in FIGURES],
        id=f"problem-{number}",
        class_="problem",
    )


def _definition(fields: Mapping[str, Any]) -> str:
    data = dict(fields["dataset"])
    kind = data.pop("name", "")
    own = ", ".join(
        f"{key} {value}" for key, value in data.items() if isinstance(value, int | float)
    )
    network = ", ".join(fields["layers"])
    batch = fields.get("batch_size") or "full"
    return (
        f"{kind}{f' ({own})' if own else ''}; {network}; {fields['loss'].replace('_', ' ')}; batch "
        f"{batch}; {fields['epochs']:,} epochs"
    )


def _figure(material: Material, number: int, kind: str) -> str:
    title, page = FIGURES[kind]
    name = material.problems[number]
    # What is said of all figures of a problem is said at the first.
    audit = material.audited(page, name)
    if kind != "curves":
        said = material.audited("curves", name)
        audit = [line for line in audit if line not in said]
    place = f"{kind}-{number}"
    return element(
        "figure",
        element("h3", text(title), element("span", text(f", {name}"), class_="hidden")),
        element("div", class_="choices"),
        element(
            "div",
            element("p", "This figure is drawn by a script."),
            class_="plot",
            id=f"plot-{place}",
        ),
        element("figcaption"),
        _remarks(audit).replace("<h3>Mind</h3>", ""),
        element("div", class_="behind"),
        class_="drawn",
        id=place,
        data_kind=kind,
        data_problem=number,
    )


def tables() -> str:
    """The place for tables."""
    return element(
        "section",
        element("h2", "Tables"),
        element(
            "p",
            "Numbers are shown to three digits; pointing at one tells all of its digits, and CSV "
            "saves them. Click a heading to sort; a filter keeps the rows that contain its text, "
            "or that compare as in “&lt; 0.1”, “= adam”.",
        ),
        element(
            "noscript",
            element(
                "p", "Tables are listed by a script; the CSV files beside this page have them."
            ),
        ),
        element("div", id="all-tables"),
        id="tables",
    )


def audit(material: Material) -> str:
    """All that may mislead."""
    found = material.verdicts.audit
    lines = [
        f"{where}: {message}" if where else str(message)
        for where, message in found[["problem", "message"]].itertuples(index=False, name=None)
    ]
    return element(
        "section",
        element("h2", "Audit"),
        element("p", "What may mislead, by problem; also said at the figures that it concerns."),
        listed(lines) or element("p", "Nothing."),
        id="audit",
    )


def made(manifest: Manifest) -> str:
    """The spec, and how to run it again."""
    plugins = manifest.spec.get("plugins", ())
    return element(
        "section",
        element("h2", "How it was made"),
        element("h3", "Run it again"),
        element(
            "p",
            "Save the spec below (it is ",
            element("code", "spec.toml"),
            " beside this page)",
            " and run it; the same spec gives the same numbers whatever the number of workers."
            + (f" It needs its plugins: {text(', '.join(map(str, plugins)))}." if plugins else ""),
        ),
        element(
            "pre",
            element("code", "bench run spec.toml"),
            tabindex=0,
            aria_label="Command",
            role="region",
        ),
        element("h3", "Spec"),
        element("div", class_="choices", id="spec-choices"),
        element(
            "pre",
            element("code", text(toml.dumps(manifest.spec)), id="spec"),
            tabindex=0,
            aria_label="Spec",
            role="region",
        ),
        id="made",
    )


def machine(
    environment: Mapping[str, Any], fingerprint: Mapping[str, Any], prices: pd.DataFrame
) -> str:
    """What computed the results and when, in one line of the page: two runs may differ in it."""
    packages = environment.get("packages")
    packages = packages if isinstance(packages, Mapping) else {}
    known = {
        "when": environment.get("time"),
        "processor": environment.get("processor"),
        "cores": environment.get("cores"),
        "platform": environment.get("platform"),
        "Python": environment.get("python"),
        "NumPy": fingerprint.get("numpy"),
        "BLAS": fingerprint.get("blas"),
        "vector instructions": fingerprint.get("vectors"),
        "revision of the sources": environment.get("revision"),
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }
    rows = [
        element("dt", text(name)) + element("dd", text(value))
        for name, value in known.items()
        if value
    ]
    whole = element(
        "section",
        element("h2", "Versions and machine"),
        element("dl", *rows),
        element("h3", "What epochs take") if costs.told(prices) else "",
        listed(costs.told(prices)),
        id="machine",
    )
    return whole.replace("\n", " ")
