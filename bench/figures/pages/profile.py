"""The page of performance profiles."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import grey
from bench.figures.charts import Choice, Told, chart, nothing
from bench.figures.layout import Layout, Legend, Margins
from bench.figures.material import Material
from bench.figures.pages import page
from bench.figures.panels.steps import profile


def some_shared(material: Material) -> Iterator[tuple[()]]:
    """Once, if optimizers share a problem with a target."""
    if len(material.verdicts.profile):
        yield ()


@page("profile", order=120, when=some_shared)
def profile_figure(material: Material) -> Figure:
    """Performance profiles over all problems with a target that optimizers share."""
    frame = material.verdicts.profile
    last = frame.groupby("optimizer")["share"].last()
    first = frame[frame["factor"] == 1].set_index("optimizer").assign(last=last).sort_index()
    first = first.sort_values(["share", "last"], ascending=False, kind="stable")
    looks = grey.split({str(name): material.looks[str(name)] for name in first.index})
    texts = {
        str(name): f"{name}: fastest on {row['share']:.0%}, arrives on {row['last']:.0%}"
        for name, row in first.iterrows()
    }
    figure, (ax,) = Layout(
        "Performance profile: how fast, compared with the fastest",
        [
            "Share of runs that reach their problem's target within so many times the epochs of "
            "the fastest optimizer on the same seed; runs that nobody finishes count.",
            f"{int(frame['problems'].max())} problems, {int(frame['runs'].max())} runs each. "
            "Bands: 95% intervals over seeds.",
            grey.sentence(looks, "that are fastest most often, then those that arrive most often"),
            material.judged,
            *material.audited("profile"),
        ],
        heights=[3.2],
        margins=Margins(top=0.12),
        legend=Legend(grey.entries(texts, looks), 2),
    ).figure()
    profile(frame, looks=looks, ax=ax)
    return figure


@chart("profile")
def profile_chart(material: Material, choice: Choice, ax: Axes) -> Told:
    """The performance profile over all problems with a target."""
    frame = material.verdicts.profile
    frame = frame[frame["optimizer"].isin(choice.looks)]
    if frame.empty:
        raise nothing("profile", "these optimizers share no problem with a target")
    mine = {n: look for n, look in choice.looks.items() if n in set(frame["optimizer"])}
    looks = grey.split(mine)
    profile(frame, looks=looks, ax=ax)
    told = (
        "Share of runs that reach their problem's target within so many times the epochs of the "
        "fastest optimizer of the experiment on the same seed, over "
        f"{int(frame['problems'].max())} problems, {int(frame['runs'].max())} runs each. "
        "Bands: 95% intervals over seeds."
    )
    return Told(grey.entries({name: name for name in looks}, looks), [told, material.judged])
