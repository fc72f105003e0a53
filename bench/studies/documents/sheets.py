"""What each figure of the documents shows: results -> sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.figures import style
from bench.session.results import Results
from bench.studies.documents import runs
from bench.studies.documents.figures import Panel, Printed, Sheet
from bench.studies.documents.keep import Arrays
from bench.studies.documents.printed import Trace
from bench.studies.documents.runs import Array
from nncore.metrics import TRAIN_LOSS, quantity

NOTE = "Bands are pointwise over seeds; a curve may leave the outer one somewhere by chance."


def curve(spec: Results, trace: Trace, *, shift: bool = True) -> tuple[Array, Array]:
    """Our seeds' curves of what `trace` prints: the page's epochs `(E,)`, values `(S, E)`."""
    epochs, values = runs.curves(spec, trace.problem, trace.optimizer, trace.metric)
    moved = epochs - int(trace.records[0] - trace.epochs[0]) if shift else epochs
    return moved[moved >= 0], trace.scale * values[:, moved >= 0]


def points(trace: Trace, label: str = "as the page prints it") -> Printed:
    """The printed values; their rounding is worth showing where they have few decimals."""
    half = 0.5 * 10.0**-trace.decimals if trace.decimals <= 3 else 0.0
    return Printed(label, trace.epochs, trace.values, half)


def unseeded(results: Mapping[str, Results], traces: Sequence[Trace]) -> list[Sheet]:
    """Documents 000 and 001, a figure each."""
    by_document = {trace.document: trace for trace in traces}
    blobs, people = by_document["000"], by_document["001"]
    return [
        Sheet(
            file="000_blobs",
            title="Document 000: two blobs, gradient descent at rate 1",
            panels=[Panel("", *curve(results["000_blobs"], blobs), [points(blobs)])],
            ylabel=style.metric_label(loss="categorical_crossentropy"),
            caption="A 2-10-2 ReLU network on 10 points, full batch. The page ran without a seed "
            f"and shows its first {len(blobs.texts)} of 100 losses, each before the epoch's "
            f"update. {NOTE}",
            height=3.4,
        ),
        Sheet(
            file="001_people",
            title="Document 001: four people, one after another, rate 0.5",
            panels=[Panel("", *curve(results["001_people"], people), [points(people)])],
            ylabel=style.metric_label(loss="mean_squared_error"),
            caption="A 2-2-1 sigmoid network, trained person by person. The page ran without a "
            "seed and prints three decimals after an epoch's updates, every 10 epochs; bars span "
            f"the numbers that round to what it prints. {NOTE}",
            height=3.4,
        ),
    ]


def spirals(
    results: Mapping[str, Results], traces: Sequence[Trace], continued: Mapping[int, Arrays]
) -> list[Sheet]:
    """Document 003: a figure of losses and one of accuracies, a panel per configuration."""
    labels = {
        TRAIN_LOSS: style.metric_label(loss="categorical_crossentropy"),
        "train_accuracy": quantity("accuracy").axis(),
    }
    sheets = []
    for metric, label in labels.items():
        kind = metric.removeprefix("train_")
        groups: dict[str, list[Trace]] = {}
        for trace in traces:
            if trace.metric == metric:
                groups.setdefault(trace.optimizer, []).append(trace)
        panels = [
            Panel(
                name,
                *curve(results["003_spiral"], group[0]),
                [
                    _continued(trace, number, kind, continued.get(trace.cell))
                    for number, trace in enumerate(group)
                ],
            )
            for name, group in groups.items()
        ]
        sheets.append(
            Sheet(
                file=f"003_spiral_{kind}",
                title=f"Document 003: the spiral, {kind} in its ten training cells",
                panels=panels,
                ylabel=label,
                caption="A 2-64-3 ReLU network on 300 points, full batch, 10,001 epochs. Points: "
                "the lines that the page shows; lines: the same cell from its place in the seeded "
                "stream, in its arithmetic, to the end that the page cuts off. Momentum as "
                "printed: weights only. Adam as printed: from weights uniform in [0, 1), two "
                f"cells of one configuration. {NOTE} With so few seeds the outer one holds "
                "all of them.",
                columns=3,
                score=not quantity(kind).lower,
                rows_apart=quantity(kind).lower,
                height=1.75,
            )
        )
    return sheets


def _continued(trace: Trace, number: int, kind: str, arrays: Arrays | None) -> Printed:
    label = "the page, continued" if number == 0 else "its second run of Adam, continued"
    rest = None if arrays is None else (arrays["epoch"], arrays[kind])
    return Printed(label, trace.epochs, trace.values, 0.0, rest)


def log_linear(
    results: Mapping[str, Results], traces: Sequence[Trace], epochs: Array, printed: Array
) -> list[Sheet]:
    """Document 004: full batch beside per sample, as printed above as intended.

    `printed` (S, E) are the per-sample losses as the page prints them at `epochs`.
    """
    by_problem = {trace.problem: trace for trace in traces if trace.document == "004"}
    full, single = by_problem["full_batch"], by_problem["per_sample"]
    intended = results["004_log_linear"]
    page = [[points(trace)] for trace in (full, single)]
    panels = [
        Panel("full batch, as printed", *curve(results["004_as_printed"], full), page[0]),
        Panel("per sample, as printed", epochs.astype(float), printed, page[1]),
        Panel("full batch, as intended", *curve(intended, full), page[0]),
        Panel("per sample, as intended", *curve(intended, single), page[1]),
    ]
    return [
        Sheet(
            file="004_log_linear",
            title="Document 004: regression on log(X beta + 20), rate 0.1",
            panels=panels,
            ylabel=style.metric_label(loss="mean_squared_error"),
            caption="5-4-4-1 ReLU networks; 900 samples full batch, 90 samples one by one. As "
            "printed, full batch: the second layer's sums stay those of the initial parameters. As "
            "printed, per sample: every target is compared with the last sample's prediction. "
            f"Infinite losses are runs that diverged. {NOTE}",
            columns=2,
            height=2.3,
        )
    ]
