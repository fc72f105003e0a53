"""What a spec claims beforehand of its results: who is better, the same, how large, how it goes.

`bench.spec.claim_tables` reads `[[claim]]` tables; `bench.verdicts.claims` decides.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from bench.spec.formulas import formula
from bench.spec.judging import Judged
from bench.spec.names import ANY_NAME
from nncore.metrics import PRINTABLE
from nncore.streams import canonical
from nncore.trial import Configuration, Problem
from nncore.values import (
    NUMBER,
    POSITIVE,
    Values,
    either,
    many,
    one_of,
    record,
    such,
    table_of,
    values_of,
    whole,
)

MOST = 1_000
TOLERANCE = 1e-9
ANSWERS = ("holds", "contradicted", "cannot tell")
WAYS = ("rises", "falls")
LINE = such(
    "a printable text of 1 to 500 characters",
    lambda value: value in PRINTABLE and len(value.strip()) > 0 and len(value) <= 500,
)
KINDS = ("better", "same", "value", "order", "trend", "reaches")
COLUMN = re.compile(r"(final|best|time_to|initial|epoch_(\d+))_((?:train|validation|test)_\w+)")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim, names resolved; `problems` and `optimizers` (than: `others`) are those it names.

    `metric` None: each problem's own; `by` None: its margin. `low` and `high` are the claimed ends
    where it has some: of a value, a power, a share of seeds; `equals` is a formula. `over` is a
    hyperparameter or a problem's number, `way` how the metric goes with it. `epoch` is that by
    which `target`, a column, is to be reached. Of optimizers with several configurations those
    take part whose hyperparameters are as in `at`. `tolerance` is by how much a number without
    randomness may miss.
    """

    text: Annotated[str, LINE]
    kind: Annotated[str, one_of(*KINDS)]
    problems: Annotated[tuple[str, ...], many(ANY_NAME, least=1)]
    optimizers: Annotated[tuple[str, ...], many(ANY_NAME, least=1)]
    others: Annotated[tuple[str, ...], many(ANY_NAME)] = ()
    source: Annotated[str, PRINTABLE] = ""
    metric: Annotated[str | None, LINE] = None
    by: Annotated[float | None, NUMBER] = None
    low: Annotated[float | None, NUMBER] = None
    high: Annotated[float | None, NUMBER] = None
    equals: Annotated[str | None, LINE] = None
    over: Annotated[str | None, LINE] = None
    way: Annotated[str | None, one_of(*WAYS)] = None
    epoch: Annotated[int | None, whole(0)] = None
    target: Annotated[str | None, LINE] = None
    at: Annotated[Mapping[str, float], table_of(NUMBER)] = field(default_factory=dict)
    tolerance: Annotated[float, POSITIVE] = TOLERANCE
    expected: Annotated[str | None, one_of(*ANSWERS)] = None

    @property
    def power(self) -> bool:
        """Whether it claims a power, with which a metric scales."""
        return self.kind == "trend" and self.way is None

    @property
    def content(self) -> dict[str, Any]:
        """Its fields as JSON has them; those that it does not have are left out."""
        fields = dataclasses.asdict(self)
        given = {k: v for k, v in fields.items() if v is not None and v != {} and v != ()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}

    def digest(self, judged: Mapping[str, Judged]) -> str:
        """What names the claim with its margins: other words or another size are another claim.

        `judged` says what problems are judged by. Where it was published and which answer somebody
        awaits are no part of it.
        """
        import hashlib

        own = {k: v for k, v in self.content.items() if k not in ("source", "expected")}
        margins = {p: dataclasses.asdict(judged.get(p, Judged())) for p in self.problems}
        return hashlib.sha256(canonical({**own, "judged": margins}).encode()).hexdigest()


def of_content(content: Mapping[str, Any]) -> Claim:
    """The claim with this `content`, of which `FORM` finds no fault."""
    given = {k: v for k, v in content.items() if v is not None}
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return Claim(**fields)


def _form(kind: str, *needs: str, **own: Values) -> Values:
    """The content of a claim of this kind: what it needs besides what all claims need."""
    always = {"text", "kind", "problems", "optimizers", *needs}
    fields = {**values_of(Claim), **own, "kind": one_of(kind)}
    return record(fields, optional=[name for name in fields if name not in always])


FORM = either(
    _form("better", "others", others=many(ANY_NAME, least=1)),
    _form("same", optimizers=many(ANY_NAME, least=2)),
    _form("order", optimizers=many(ANY_NAME, least=2)),
    _form("value", "low", "high"),
    _form("value", "equals"),
    _form("trend", "over", "way"),
    _form("trend", "over", "low", "high"),
    _form("reaches", "low", "high"),
)


def column_of(name: str) -> tuple[str, str] | None:
    """What a name in a formula reads of a trial, and in which column; None: it is no metric.

    >>> column_of("final_train_loss"), column_of("epoch_10_test_accuracy"), column_of("momentum")
    (('final', 'train_loss'), ('epoch_10', 'test_accuracy'), None)
    """
    found = COLUMN.fullmatch(name)
    if found is None:
        return None
    return ("epoch_0" if found[1] == "initial" else found[1]), found[3]


def numbers_of(problem: Problem) -> dict[str, float]:
    """The numbers of a problem that formulas and trends may name: its own, and its dataset's."""
    found = {**problem.dataset, **problem.content}
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def numerics_of(configuration: Configuration) -> dict[str, float]:
    """The hyperparameters of a configuration that are numbers, by the names of their columns."""
    found = configuration.columns
    return {name: float(v) for name, v in found.items() if v in NUMBER}


def agrees(configuration: Configuration, at: Mapping[str, float]) -> bool:
    """Whether a configuration has the values `at`, as far as it has such hyperparameters."""
    own = numerics_of(configuration)
    return all(own[name] == value for name, value in at.items() if name in own)


def target_of(claim: Claim, targets: Collection[str]) -> str | None:
    """The column of the target that a claim is about, among those of a problem."""
    if claim.target is None:
        return next(iter(targets), None)
    return next((c for c in (claim.target, f"train_{claim.target}") if c in targets), None)


def check(
    claim: Claim,
    problems: Mapping[str, Problem],
    plan: Mapping[tuple[str, str], Sequence[Configuration]],
    targets: Mapping[str, Collection[str]],
    known: Collection[str],
) -> None:
    """Raise ValueError where a claim names what there is not.

    `plan` has the configurations by problem and optimizer, `targets` the columns of each problem's,
    `known` those of all metrics. Specs are read with more words, by `bench.spec.claim_tables`.
    """
    some = {}
    for problem in claim.problems:
        for optimizer in (*claim.optimizers, *claim.others):
            mine = plan.get((problem, optimizer), ())
            kept = [one for one in mine if len(mine) == 1 or agrees(one, claim.at)]
            if not kept:
                raise ValueError(f"a claim is about {optimizer!r:.60} on {problem!r:.60}")
            some[problem, optimizer] = kept
        if claim.kind == "reaches" and target_of(claim, targets.get(problem, ())) is None:
            raise ValueError(f"a claim is about a target that {problem!r:.60} does not have")
    for text in filter(None, (claim.metric, claim.equals)):
        for _, column in filter(None, map(column_of, formula(text).names)):
            if column not in known:
                raise ValueError(f"a claim is about {column!r:.60}, which is no metric")
    over = claim.over
    for optimizer in claim.optimizers if over is not None else ():
        spaces = [some[problem, optimizer] for problem in claim.problems]
        own = [any(over in numerics_of(one) for one in space) for space in spaces]
        numbers = {numbers_of(problems[problem]).get(str(over)) for problem in claim.problems}
        differ = None not in numbers and len(numbers) == len(claim.problems)
        if not all(own) and (any(own) or not differ):
            raise ValueError(f"a claim is about a trend over {over!r:.60}")
