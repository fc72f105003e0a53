"""What is wrong with a spec: a line for each mistake, saying where, what, and what is right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nncore.text import shown
from nncore.values import Values

SHOWN = 40


class SpecError(ValueError):
    """A spec that cannot be run; `errors` holds one line for each mistake in it."""

    exit_code = 2

    def __init__(self, errors: list[str]) -> None:
        # A name or a value may hold any character: one mistake stays one line all the same.
        self.errors = list(dict.fromkeys(map(shown, errors)))
        super().__init__(self.errors)

    def __str__(self) -> str:
        rest = len(self.errors) - SHOWN
        return "\n".join([*self.errors[:SHOWN], *([f"... and {rest:,} more"] if rest > 0 else [])])


@dataclass
class Mistakes:
    """Collects the mistakes of the spec `where` while it is read, each line once; `count` has all.

    `incomplete` is set when a plugin failed: names that are unknown may be the plugin's. They are
    counted, and not told.
    """

    where: str
    lines: dict[str, None] = field(default_factory=dict)
    incomplete: bool = False
    count: int = 0

    def add(self, key: str, what: str) -> None:
        """Note that `what` is wrong at the key path `key` (empty: the whole file)."""
        self.count += 1
        self.lines[": ".join(part for part in (self.where, key, what) if part)] = None

    def doubt(self) -> None:
        """Count a name that may be one of a plugin that failed."""
        self.count += 1

    def expect(self, values: Values, value: Any, key: str) -> bool:
        """Whether `value` may stand at the key path `key`; notes the mistake if not."""
        faults = values.faults(value)
        if faults:
            self.add(key, f"is {quote(faults[0])}; must be {values.words}")
        return not faults

    def check(self) -> None:
        """Raise SpecError if anything is wrong so far."""
        if self.lines:
            raise SpecError(list(self.lines))


def quote(value: Any) -> str:
    """`value` as a spec writes it, cut short, for a message.

    >>> quote(True), quote("adam"), quote({"n": 3})
    ('true', '"adam"', '{ n = 3 }')
    """
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, str):
        text = f'"{value[:60]}"'
    elif isinstance(value, dict):
        text = ", ".join(f"{k} = {quote(v)}" for k, v in list(value.items())[:9])
        text = f"{{ {text} }}" if text else "an empty table"
    elif isinstance(value, list):
        text = f"[{', '.join(quote(v) for v in value[:9])}]" if value else "an empty list"
    elif isinstance(value, int):
        # Python refuses to print integers of thousands of digits.
        text = str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:56] + " ..."


# What other packages call it, and what it may be here.
ELSEWHERE = {
    "lr": ["learning_rate"],
    "eta": ["learning_rate"],
    "wd": ["weight_decay"],
    "l2": ["weight_decay"],
    "eps": ["epsilon"],
    "betas": ["beta_1", "beta_2"],
    "rho": ["beta", "beta_2"],
    "max_norm": ["clip_norm"],
    "num_epochs": ["epochs"],
    "loss_fn": ["loss"],
    "model": ["layers"],
    "data": ["dataset"],
    "seed": ["seeds"],
}


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean "momentum"?`, or all that is known when nothing is near.

    >>> nearest("momentun", ["decay", "momentum"]), nearest("x", ["decay", "momentum"])
    ('did you mean "momentum"?', 'known: decay, momentum')
    >>> nearest("betas", ["learning_rate", "beta_1", "beta_2"])
    'did you mean "beta_1" and "beta_2"?'
    """
    known = list(known)
    near = [each for each in ELSEWHERE.get(name.lower(), ()) if each in known]
    near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if not near:
        return "known: " + ", ".join(known)
    return "did you mean " + " and ".join(f'"{each}"' for each in near) + "?"


def unknown_keys(
    table: Iterable[str], known: Iterable[str], path: str, mistakes: Mistakes
) -> list[str]:
    """The keys of `table` that are not `known`, each noted as a mistake."""
    known = list(known)
    strange = [key for key in table if key not in known]
    for key in strange:
        mistakes.add(f"{path}.{key}".lstrip("."), f"no such key; {nearest(key, known)}")
    return strange
