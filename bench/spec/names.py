"""Names of problems and optimizers: those of their tables, and those of what lists make of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.spec.toml import BARE
from nncore.values import such

LONGEST = 100
# What a table without a name is called after.
CALLED = {"problem": "dataset", "optimizer": "rule"}


# Columns of the tables, which no hyperparameter can have a second time; some that have endings.
COLUMNS = frozenset(
    (
        *("trial", "problem", "optimizer", "rule", "configuration", "configurations", "settings"),
        *("seed", "seeds", "status", "phase", "improved", "diverged", "diverged_epoch", "crashed"),
        *(
            "above_constant",
            "epoch",
            "best_epoch",
            "gradient_evaluations",
            "reason",
            "key",
            "metric",
        ),
        *("name", "problems", "bias"),  # keys of an optimizer's table
    )
)
MEASURED, TIMED = ("final_", "best_"), "_seconds"


def is_column(name: str) -> bool:
    """Whether a column of the tables is, or may be, called so.

    >>> [is_column(name) for name in ("seed", "final_train_f1", "train_seconds", "momentum")]
    [True, True, True, False]
    """
    return name in COLUMNS or name.startswith(MEASURED) or name.endswith(TIMED)


def _is_name(value: Any) -> bool:
    """Whether `value` can stand in a table and in a figure's title."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        return False
    return value.isprintable() and value == value.strip()


# What pandas, and not pandas alone, reads as a missing value where a table has it as a text.
MISSING = frozenset(
    (
        *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
ANY_NAME = such(f"a text of 1 to {LONGEST} printable characters", _is_name)
NAME = such(
    f"{ANY_NAME.words}, and none that pandas reads as a missing value, as NA, nan and None",
    lambda value: value in ANY_NAME and value not in MISSING,
)


def names_of(table: Mapping[str, Any], kind: str) -> list[str]:
    """What a table answers to: its name, else its dataset or rule (each of them, of a list)."""
    name = table.get("name")
    if name is None:
        name = table.get(CALLED[kind])
    named = [n.get("name") if isinstance(n, dict) else n for n in as_list(name)]
    return [n for part in named for n in as_list(part) if isinstance(n, str)]


def as_list(value: Any) -> list[Any]:
    """`value` if it is a list, else a list of it."""
    return value if isinstance(value, list) else [value]


def path_of(kind: str, table: Mapping[str, Any], number: int) -> str:
    """The key path of a table in messages: by name as `--set` has it, else by its number."""
    found = names_of(table, kind)
    if len(found) != 1 or not found[0]:
        return f"{kind} #{number}"
    return f"{kind}.{found[0]}" if BARE.fullmatch(found[0]) else f'{kind}."{found[0]}"'


def apart(name: str, tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each of the `tables` that lists made of the table `name`: it says what differs.

    They are numbered where that would be too long.

    >>> apart("a", [{"epochs": n} for n in (5, 9)])
    ['a (epochs=5)', 'a (epochs=9)']
    """
    found = [f"{name} ({label})" if label else name for label in _labels(tables)]
    if all(len(each) <= LONGEST for each in found):
        return found
    numbers = [f" ({number})" for number in range(1, len(tables) + 1)]
    return [name[: LONGEST - len(number)].strip() + number for number in numbers]


def _labels(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each of `tables` what sets it apart from the others, as text.

    >>> _labels([{"epochs": 9, "dataset": {"samples": n}} for n in (50, 100)])
    ['samples=50', 'samples=100']
    """
    flat = [_flatten(table) for table in tables]
    keys = list(dict.fromkeys(key for table in flat for key in table))
    differ = [k for k in keys if any(table.get(k) != flat[0].get(k) for table in flat)]
    short = [key.rpartition(".")[2] for key in differ]
    shown = {
        key: last if short.count(last) == 1 else key
        for key, last in zip(differ, short, strict=True)
    }
    columns = {key: _texts([table.get(key) for table in flat]) for key in differ}
    return [
        ", ".join(f"{shown[k]}={columns[k][i]}" for k in differ if k in flat[i])
        for i in range(len(flat))
    ]


def _flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        elif key == "name" and prefix:
            flat[prefix.rstrip(".")] = value
        else:
            flat[prefix + key] = value
    return flat


def _texts(values: list[Any]) -> list[str]:
    """`values` as text; of lists of one length only the places where they differ."""
    lists = [value for value in values if isinstance(value, list)]
    if lists and len({len(v) for v in lists}) == 1:
        differ = [i for i, items in enumerate(zip(*lists, strict=True)) if len(set(items)) > 1]
        values = [[v[i] for i in differ] if isinstance(v, list) else v for v in values]
    return [
        " ".join(map(str, value)) if isinstance(value, list) else _text(value) for value in values
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
