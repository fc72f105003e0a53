"""`[[claim]]` tables: each becomes one claim about optimizers on problems.

A table has a `text` and the keys of one kind: who is better than whom, who is the same, what a
value is, an order, a trend, or who reaches a target.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.spec.claims import (
    ANSWERS,
    LINE,
    MOST,
    WAYS,
    Claim,
    agrees,
    column_of,
    numbers_of,
    numerics_of,
    target_of,
)
from bench.spec.formulas import Formula, formula
from bench.spec.mistakes import Mistakes, nearest, quote, unknown_keys
from bench.spec.names import as_list
from bench.spec.optimizers import Optimizer
from bench.spec.problems import NamedProblem
from nncore.losses import losses
from nncore.metrics import LOSS, Columns
from nncore.streams import canonical
from nncore.trial import Configuration, recorded_epochs
from nncore.values import (
    NUMBER,
    POSITIVE,
    TABLE,
    TEXT,
    Values,
    either,
    many,
    one_of,
    row,
    such,
    whole,
)

SHARE = such("a number from 0 to 1", lambda value: value in NUMBER and 0 <= value <= 1, float)
NAMES = either(TEXT, many(TEXT, least=1)).saying("an optimizer's name, or a list of them")
SEVERAL = many(TEXT, least=2).saying("a list of at least two optimizers' names")
INTERVAL = row(NUMBER, NUMBER).saying("a list of two numbers, the lower one first")
# Keys of every claim; then those of the kinds, with those that a claim of the kind may have.
COMMON: dict[str, Values] = {
    "text": LINE,
    "source": LINE,
    "problem": either(TEXT, many(TEXT, least=1)).saying("a problem's name, or a list of them"),
    "metric": LINE.saying('a metric such as "final_test_accuracy", or a formula'),
    "by": NUMBER,
    "at": TABLE.saying("a table such as { learning_rate = 0.1 }"),
    "tolerance": POSITIVE,
    "expected": one_of(*ANSWERS),
}
OWN: dict[str, Values] = {
    "better": TEXT.saying("an optimizer's name"),
    "than": NAMES,
    "same": SEVERAL,
    "value": NAMES,
    "between": INTERVAL,
    "equals": LINE.saying('a formula of the spec\'s numbers, such as "2 / learning_rate"'),
    "order": SEVERAL.saying("a list of at least two optimizers' names, the best first"),
    "trend": NAMES,
    "over": LINE.saying("a hyperparameter or a number of the problems, such as batch_size"),
    "way": one_of(*WAYS),
    "power": INTERVAL,
    "reaches": NAMES,
    "share": either(SHARE, row(SHARE, SHARE)).saying("a number from 0 to 1, or a list of two"),
    "epoch": whole(0),
    "target": LINE.saying("the metric of one of the problem's targets"),
}
# Of each kind: what it needs, of which of several it needs one, and what it may have besides.
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "better": (("than",), (), ()),
    "same": ((), (), ()),
    "value": ((), ("between", "equals"), ()),
    "order": ((), (), ()),
    "trend": (("over",), ("way", "power"), ()),
    "reaches": (("share",), (), ("epoch", "target")),
}


class ClaimReader:
    """Reads `[[claim]]` tables about `optimizers` on `problems`, grouped as their tables are.

    `known` gives the columns of a problem's metrics; `tuned` says that configurations are chosen
    on seeds of their own.
    """

    def __init__(
        self,
        problems: Mapping[str, Sequence[NamedProblem]],
        optimizers: Sequence[Optimizer],
        known: Callable[[NamedProblem], Columns],
        mistakes: Mistakes,
        *,
        tuned: bool = False,
    ) -> None:
        self._groups = problems
        self._problems = {p.name: p for group in problems.values() for p in group}
        self._optimizers = {o.name: o for o in optimizers}
        self._known, self._mistakes, self._tuned = known, mistakes, tuned

    def read(self, tables: Sequence[Mapping[str, Any]]) -> tuple[Claim, ...]:
        """The claims in the order of their tables; notes what is wrong with any."""
        found: dict[str, str] = {}
        if len(tables) > MOST:
            self._mistakes.add("claim", f"there are {len(tables):,}; at most {MOST:,}")
            return ()
        claims = []
        for number, table in enumerate(tables, start=1):
            path = f"claim #{number}"
            claim = self._claim(table, path)
            if claim is None:
                continue
            if (first := found.setdefault(canonical(claim.content), path)) != path:
                self._mistakes.add(path, f"says the same as {first}; keep one")
            claims.append(claim)
        return tuple(claims)

    def _claim(self, table: Mapping[str, Any], path: str) -> Claim | None:
        mistakes, before = self._mistakes, self._mistakes.count
        unknown_keys(table, {**COMMON, **OWN}, path, mistakes)
        good = {
            key: value
            for key, value in table.items()
            if (values := {**COMMON, **OWN}.get(key)) is not None
            and mistakes.expect(values, value, f"{path}.{key}")
        }
        if "text" not in table:
            mistakes.add(f"{path}.text", "is missing; write the claim in words")
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) != 1:
            said = "says nothing yet" if not kinds else f"has {' and '.join(kinds)}"
            mistakes.add(path, f"{said}; a claim has one of {', '.join(KINDS)}")
            return None
        [kind] = kinds
        self._keys(kind, table, path)
        if mistakes.count > before:
            return None
        fields = self._fields(kind, good, path)
        if mistakes.count > before:
            return None
        claim = Claim(**fields)
        self._check(claim, path)
        return None if mistakes.count > before else claim

    def _keys(self, kind: str, table: Mapping[str, Any], path: str) -> None:
        """Note keys that a claim of this kind lacks, or that mean nothing in it."""
        needs, one_of_these, may = KINDS[kind]
        for key in needs:
            if key not in table:
                what = f'is missing; a claim with "{kind}" needs it: {OWN[key].words}'
                self._mistakes.add(f"{path}.{key}", what)
        given = [key for key in one_of_these if key in table]
        if one_of_these and len(given) != 1:
            words = " or ".join(one_of_these)
            self._mistakes.add(path, f'a claim with "{kind}" has one of {words}')
        fitting = {*COMMON, kind, *needs, *one_of_these, *may}
        if kind == "reaches":
            fitting -= {"metric", "by"}
        if given in (["between"], ["power"]):
            fitting -= {"by"}
        for key in table:
            if key in {**COMMON, **OWN} and key not in fitting:
                beside = f'"{given[0]}"' if key == "by" and given else f'"{kind}"'
                what = f"means nothing in a claim with {beside}"
                self._mistakes.add(f"{path}.{key}", f"{what}; leave it out")

    def _fields(self, kind: str, table: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The fields of a claim whose keys are all there."""
        names = self._names(table[kind], f"{path}.{kind}")
        others = self._names(table.get("than", []), f"{path}.than")
        for twice in dict.fromkeys(n for n in [*names, *others] if [*names, *others].count(n) > 1):
            self._mistakes.add(f"{path}.{kind}", f'names "{twice}" twice')
        low = high = None
        for key in ("between", "power", "share"):
            if key in table:
                value = table[key]
                low, high = value if isinstance(value, list) else (value, 1.0)
                if low > high:
                    what = f"is {quote(value)}; the lower end comes first"
                    self._mistakes.add(f"{path}.{key}", what)
        plain = ("text", "source", "metric", "by", "equals", "over", "way", "epoch", "target")
        fields = {key: table[key] for key in (*plain, "tolerance", "expected") if key in table}
        at = dict(table.get("at", {}))
        for name, value in at.items():
            self._mistakes.expect(NUMBER, value, f"{path}.at.{name}")
        return {
            **fields,
            "kind": kind,
            "problems": self._where(table.get("problem"), f"{path}.problem"),
            "optimizers": tuple(names),
            "others": tuple(others),
            "low": None if low is None else float(low),
            "high": None if high is None else float(high),
            "at": at,
        }

    def _names(self, value: Any, path: str) -> list[str]:
        """Optimizers that a key names, those that there are."""
        for name in as_list(value):
            if name not in self._optimizers and not self._mistakes.incomplete:
                hint = nearest(name, self._optimizers)
                self._mistakes.add(path, f"there is no optimizer {quote(name)}; {hint}")
        return as_list(value)

    def _where(self, value: Any, path: str) -> tuple[str, ...]:
        """The problems that a claim is about: all, or those that it names."""
        if value is None:
            return tuple(self._problems)
        chosen: dict[str, None] = {}
        for name in as_list(value):
            if name in self._problems:
                chosen[name] = None
            elif name in self._groups:
                chosen |= dict.fromkeys(p.name for p in self._groups[name])
            else:
                hint = nearest(name, dict.fromkeys([*self._groups, *self._problems]))
                self._mistakes.add(path, f"there is no problem {quote(name)}; {hint}")
        return tuple(chosen)

    def _check(self, claim: Claim, path: str) -> None:
        """Note what a claim names that its problems or optimizers do not have."""
        for problem, optimizer, some in self._configurations(claim):
            if not some:
                where = f'"{optimizer}" has no configuration on "{problem.name}"'
                at = f" with at = {quote(dict(claim.at))}" if claim.at else ""
                self._mistakes.add(path, where + at)
        for name in claim.at:
            spaces = [self._optimizers[o].configurations for o in self._named(claim)]
            if not any(name in numerics_of(c) for space in spaces for c in space):
                known = dict.fromkeys(k for s in spaces for c in s for k in numerics_of(c))
                self._mistakes.add(f"{path}.at.{name}", f"no such number; {nearest(name, known)}")
        self._formulas(claim, path)
        self._size(claim, path)
        if claim.kind == "reaches":
            self._targets(claim, path)
        if claim.over is not None:
            self._over(claim, path)

    def _named(self, claim: Claim) -> Sequence[str]:
        return [*claim.optimizers, *claim.others]

    def _configurations(
        self, claim: Claim
    ) -> Iterator[tuple[NamedProblem, str, list[Configuration]]]:
        """The configurations of each of a claim's optimizers on each of its problems."""
        for name in claim.problems:
            for optimizer in self._named(claim):
                it = self._optimizers[optimizer]
                some = [it.configurations[place] for place in it.on.get(name, ())]
                kept = [c for c in some if len(some) == 1 or agrees(c, claim.at)]
                yield self._problems[name], optimizer, kept

    def _formulas(self, claim: Claim, path: str) -> None:
        """Note formulas that are none, and names in them that somebody does not have."""
        for key, text in (("metric", claim.metric), ("equals", claim.equals)):
            if text is None:
                continue
            try:
                read = formula(text)
            except ValueError as error:
                self._mistakes.add(f"{path}.{key}", str(error))
                continue
            before = self._mistakes.count
            for problem, _, some in self._configurations(claim):
                for configuration in some[:1]:
                    self._formula(read, key, problem, configuration, path)
            metrics = any(column_of(name) for name in read.names)
            if key == "metric" and not metrics and self._mistakes.count == before:
                self._mistakes.add(f"{path}.metric", f"is {quote(text)}; no metric is in it")

    def _formula(
        self,
        read: Formula,
        key: str,
        problem: NamedProblem,
        configuration: Configuration,
        path: str,
    ) -> None:
        plain = {**numbers_of(problem.problem), **numerics_of(configuration)}
        columns = self._known(problem)
        for name in read.names:
            if name in plain:
                continue
            found = column_of(name) if key == "metric" else None
            if found is None:
                metrics = [f"final_{c}" for c in columns] if key == "metric" else []
                what = f'has no "{name}" on "{problem.name}"; {nearest(name, [*metrics, *plain])}'
                self._mistakes.add(f"{path}.{key}", what)
            elif found[1] not in columns:
                if not self._mistakes.incomplete:
                    what = f'has "{name}", but the problem "{problem.name}" has only '
                    self._mistakes.add(f"{path}.{key}", what + ", ".join(columns))
            elif found[0] == "time_to" and found[1] not in problem.target:
                what = f'has "{name}", but the problem "{problem.name}" has no target for it'
                self._mistakes.add(f"{path}.{key}", what)
            elif found[0].startswith("epoch_"):
                self._recorded(int(found[0].removeprefix("epoch_")), name, key, problem, path)

    def _recorded(self, epoch: int, name: str, key: str, problem: NamedProblem, path: str) -> None:
        own = problem.problem
        epochs = recorded_epochs(own.epochs, own.record_every)
        if epoch not in epochs:
            near = epochs[abs(epochs - epoch).argmin()]
            what = f'has "{name}", but on "{problem.name}" epoch {epoch} is not recorded'
            self._mistakes.add(f"{path}.{key}", f"{what}; the nearest is {near}")

    def _size(self, claim: Claim, path: str) -> None:
        """Note a size that no difference can have."""
        if claim.by is None:
            return
        if claim.kind in ("same", "value") and claim.by <= 0:
            self._mistakes.add(f"{path}.by", f"is {quote(claim.by)}; must be above 0")
        if claim.kind == "value" or claim.by < 1:
            return
        for problem in (self._problems[name] for name in claim.problems):
            name = (claim.metric or problem.judged.metric).strip()
            if self._has_shares(name, problem):
                what = (
                    f'of {name} on "{problem.name}" sizes are shares of the larger value, below 1'
                )
                self._mistakes.add(f"{path}.by", f"is {quote(claim.by)}; {what}")

    def _has_shares(self, name: str, problem: NamedProblem) -> bool:
        """Whether a metric is always compared by ratios: it is no score, and never below 0."""
        kind, column = column_of(name) or ("", "")
        quantity = self._known(problem).get(column)
        if kind == "time_to" or quantity is None:
            return kind == "time_to"
        signed = quantity.name == LOSS and not losses[problem.problem.loss].scored
        return not (signed or quantity.is_score or quantity.best is None or quantity.best < 0)

    def _targets(self, claim: Claim, path: str) -> None:
        for problem in (self._problems[name] for name in claim.problems):
            known = list(problem.target)
            if claim.target is None and len(known) != 1:
                there = ", ".join(known) or "none"
                what = f'is missing; the problem "{problem.name}" has the targets: {there}'
                self._mistakes.add(f"{path}.target", what)
            elif claim.target is not None and target_of(claim, problem.target) is None:
                hint = nearest(claim.target, known) if known else "it has no target at all"
                what = f'the problem "{problem.name}" has no target {quote(claim.target)}; {hint}'
                self._mistakes.add(f"{path}.target", what)
            if claim.epoch is not None and claim.epoch > problem.problem.epochs:
                what = f'is {claim.epoch:,}; "{problem.name}" has {problem.problem.epochs:,} epochs'
                self._mistakes.add(f"{path}.epoch", what)

    def _over(self, claim: Claim, path: str) -> None:
        """Note a trend over what does not vary, or has to be seen on the seeds of a choice."""
        over = str(claim.over)
        for optimizer in claim.optimizers:
            found = [
                (problem, {numerics_of(c).get(over) for c in some} - {None})
                for problem, name, some in self._configurations(claim)
                if name == optimizer
            ]
            if any(values for _, values in found):
                if self._tuned:
                    what = f'is "{over}", of which [tuning] leaves one value to be judged'
                    self._mistakes.add(f"{path}.over", f"{what}; leave [tuning] out")
                for problem, values in found:
                    if len(values) < 2:
                        what = f'is "{over}", of which "{optimizer}" has one value on '
                        self._mistakes.add(f"{path}.over", f'{what}"{problem.name}"; write several')
                continue
            numbers = [numbers_of(problem.problem).get(over) for problem, _ in found]
            if None in numbers:
                known = {k for problem, _ in found for k in numbers_of(problem.problem)}
                known |= {k for *_, some in self._configurations(claim) for c in some[:1]
                          for k in numerics_of(c)}  # fmt: skip
                hint = nearest(over, sorted(known))
                self._mistakes.add(f"{path}.over", f"there is no number {quote(over)}; {hint}")
            elif len({*numbers}) < max(2, len(numbers)):
                what = f'is "{over}", which has to differ between the problems of the claim'
                self._mistakes.add(f"{path}.over", what)
