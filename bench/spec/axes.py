"""What an optimizer's table gives to search: an axis for every hyperparameter and modifier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bench.spec.expand import choices, ends
from bench.spec.mistakes import Mistakes, nearest, quote
from bench.spec.modifiers import modifier_axis
from bench.spec.search import CHOICE, DISTRIBUTIONS, LOG_UNIFORM, Axis
from nncore.modifiers import modifiers
from nncore.rules import Domain, Rule, rules
from nncore.values import NUMBER, TEXT, YES_OR_NO, either

# What an option of another package's rule may be.
OPTION = either(YES_OR_NO, NUMBER, TEXT)


class AxisReader:
    """Reads the axes of optimizers' tables, which may have `other` keys, too.

    `drawn` says that configurations are drawn, so that tables may give distributions; `dtype` is
    what is trained in.
    """

    def __init__(
        self, other: Iterable[str], mistakes: Mistakes, *, drawn: bool, dtype: str
    ) -> None:
        self.other, self.mistakes = list(other), mistakes
        self.drawn, self.dtype = drawn, np.dtype(dtype)

    def read(self, rule: Rule, table: Mapping[str, Any], path: str) -> dict[str, Axis]:
        """The axes of `rule`'s hyperparameters, defaults included, in the order of the columns.

        Those of biases follow as `bias.NAME`, then the modifiers.
        """
        own = rule.hyperparameters
        bias = table.get("bias", {})
        bias = bias if isinstance(bias, dict) else {}
        if rule.package:
            table = self._own_names(rule, table, path)
        self._refuse_strangers(rule, table, bias, path)
        axes = {
            key: self._hyperparameter(rule, key, table.get(key, own[key]), f"{path}.{key}")
            for key in own
        }
        for key in [key for key in rule.parameters if key in bias]:
            where = f"{path}.bias.{key}"
            axes[f"bias.{key}"] = self._hyperparameter(rule, key, bias[key], where)
        for key in [key for key in rule.options if key in table]:
            axes[key] = self._option(table[key], f"{path}.{key}")
        for key, modifier in modifiers.items():
            axes[key] = Axis([None])
            if key in table:
                where = f"{path}.{key}"
                axes[key] = modifier_axis(modifier, table[key], where, self.mistakes)
                for value in axes[key].values:
                    if isinstance(value, float):
                        self._holds(key, value, where)
        return axes

    def _own_names(self, rule: Rule, table: Mapping[str, Any], path: str) -> dict[str, Any]:
        """The table of another package's rule, with the names that its arguments have here.

        Elements of a tuple may be dotted keys, which TOML has as a table: `betas.0 = 0.9`.
        """
        found: dict[str, Any] = {}
        known = [*rule.parameters, *rule.options]
        for key, value in table.items():
            inside = value if isinstance(value, dict) else {}
            names = {f"{key}.{place}": item for place, item in inside.items()}
            elements = [name for name in known if name.startswith(f"{key}.")]
            alias = rule.aliases.get(key, key)
            if alias != key and alias in table:
                self.mistakes.add(f"{path}.{key}", f"is {alias}, which is there, too; keep one")
            elif names and names.keys() <= {*elements}:
                found |= names
            elif elements and key not in known:
                told = ", ".join(f"{name} = ..." for name in elements)
                self.mistakes.add(
                    f"{path}.{key}",
                    f"is {quote(value)}; its elements have keys of their own: {told}",
                )
            else:
                found[alias] = value
        for key in rule.required:
            if key not in found:
                also = next((f" ({a})" for a, name in rule.aliases.items() if name == key), "")
                self.mistakes.add(f"{path}.{key}", f"is missing; {rule.name} has no default{also}")
        return found

    def _option(self, value: Any, path: str) -> Axis:
        """The axis of an option: true or false, words, or numbers, drawn ones too."""
        if isinstance(value, dict) and (kind := _distribution(value)) and kind != CHOICE:
            return self._hyperparameter(None, "", value, path)
        listed = value
        if isinstance(value, dict) and set(value) == {CHOICE} and self.drawn:
            listed = value[CHOICE]
        items = choices(listed, path, self.mistakes)
        good = [item for item in items if self.mistakes.expect(OPTION, item, path)]
        return Axis([item for k, item in enumerate(good) if repr(item) not in map(repr, good[:k])])

    def _refuse_strangers(
        self, rule: Rule, table: Mapping[str, Any], bias: Mapping[str, Any], path: str
    ) -> None:
        """Note keys that `rule` does not have, or not for biases apart."""
        own = [*rule.hyperparameters, *rule.options]
        known = [*own, *self.other, *(key for key in modifiers if key != "options")]
        for key in [key for key in table if key not in known]:
            self.mistakes.add(f"{path}.{key}", _stranger(rule, key, own, known))
        for key in bias:
            where = f"{path}.bias.{key}"
            # The rate's schedule is one for the whole network.
            if key not in rule.parameters:
                known = [*rule.parameters, *self.other, *modifiers]
                self.mistakes.add(where, _stranger(rule, key, rule.parameters, known))
            elif key not in rule.varying:
                but = " or ".join(rule.varying)
                what = f"steps the network as a whole; biases cannot have their own {key}"
                only = f", only {but}" if but else ""
                self.mistakes.add(where, f"{rule.name} {what}{only}")

    def _hyperparameter(self, rule: Rule | None, key: str, value: Any, path: str) -> Axis:
        """The axis of a hyperparameter: what is listed, or a distribution."""
        kind = _distribution(value)
        if kind is None:
            return Axis(self._values(rule, key, value, path))
        if not self.drawn:
            self.mistakes.add(
                path, f"is {quote(value)}; random draws need a [tuning] table that says n"
            )
        elif set(value) != {kind}:
            self.mistakes.add(path, f"is {quote(value)}; must have {kind} alone")
        elif kind == CHOICE:
            return Axis(self._values(rule, key, value[kind], f"{path}.{kind}"))
        else:
            where, log = f"{path}.{kind}", kind == LOG_UNIFORM
            found = ends(value[kind], where, self.mistakes, above_zero=log)
            if found and found[0] == found[1]:
                self.mistakes.add(where, f"is {quote(found)}; must have the lower end first")
            elif len(values := self._values(rule, key, found, where)) == len(found):
                return Axis(values, kind)
        return Axis([])

    def _values(self, rule: Rule | None, key: str, value: Any, path: str) -> list[float]:
        """The values of a hyperparameter, each once."""
        allowed = Domain() if rule is None else rule.domain(key)
        good: dict[float, None] = {}
        for item in choices(value, path, self.mistakes):
            if not self.mistakes.expect(NUMBER, item, path):
                continue
            if float(item) not in allowed:
                self.mistakes.add(path, f"is {quote(item)}; must be {allowed}")
            elif self._holds(key, float(item), path):
                good[float(item) + 0.0] = None
        return list(good)

    def _holds(self, key: str, value: float, path: str) -> bool:
        """Whether there is a number like `value` where the training computes; noted if not."""
        if key == "decay":
            return True  # rates are computed in float64
        with np.errstate(over="ignore", under="ignore"):
            kept = self.dtype.type(value)
        # A rate that is infinite diverges, as any does that is as large: that is a result.
        vanishes, overflows = value and not kept, np.isinf(kept) and key != "learning_rate"
        if vanishes or overflows:
            what = "0" if vanishes else "infinite"
            self.mistakes.add(path, f"is {quote(value)}, which is {what} in {self.dtype}")
        return not (vanishes or overflows)


def _distribution(value: Any) -> str | None:
    """The kind of a distribution, where `value` is one."""
    if not isinstance(value, dict):
        return None
    return next((kind for kind in DISTRIBUTIONS if kind in value), None)


def _stranger(rule: Rule, key: str, own: Iterable[str], known: Iterable[str]) -> str:
    """What to say about a key that `rule` does not have."""
    owners = [entry.name for entry in rules.values() if key in entry.parameters]
    if not owners:
        return f"no such key; {nearest(key, known)}"
    mine = ", ".join(own)
    return f"{rule.name} has no {key}, it has {mine}; {key} belongs to {', '.join(owners)}"
