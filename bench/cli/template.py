"""A first spec, commented: what `bench new` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.spec import toml
from bench.spec.experiment import load
from nncore.datasets import datasets
from nncore.registry import UnknownNameError, unknown

HEAD = """\
# What is compared, on what, and how often. `bench run THIS.toml --dry-run` says how many trials
# that are and how long they take, `bench run THIS.toml` trains them and writes the report.
seeds = 10                          # 0 to 9, the same for every configuration; or a list
# metric = "final_validation_loss"  # what it is about; by default "final_train_loss"
# margin = 0.1                      # within how much of each other losses count as the same
"""
WORDS = {
    "layers": "inputs are whatever the data have",
    "initializer": "`bench list initializers`",
    "loss": "`bench list losses`",
    "batch_size": 'or a number; 1 is sample by sample, "full" the gradient of all',
    "epochs": "",
    "record_every": "epochs between two records of all metrics",
}
TARGET = "# target = { loss = 0.1 }           # for the time it takes to get there\n"
OPTIMIZERS = """\
# Lists are crossed: this is 5 learning rates by 2 decays by 2 momenta. `bench list rules`.
[[optimizer]]
name = "sgd + momentum"
rule = "sgd"
learning_rate = { log = [0.01, 1.0], n = 5 }
decay = [0.0, 1e-3]                 # the rate after t updates is learning_rate / (1 + decay * t)
momentum = [0.5, 0.9]

[[optimizer]]
rule = "adam"                       # the name defaults to the rule
learning_rate = { log = [1e-3, 0.1], n = 5 }
# schedule = { name = "cosine", warmup = 0.1 }
"""
TUNING = """\
# Choosing and judging on the same seeds flatters whoever tries more. With this, configurations are
# chosen on seeds of their own, as many for each optimizer:
# [tuning]
# seeds = 5
"""


def spec(names: Sequence[str]) -> str:
    """The text of a spec of problems on the datasets `names`, at their defaults.

    Raises UnknownNameError for one that is none.
    """
    for name in names:
        if name not in datasets:
            raise UnknownNameError(unknown("dataset", name, datasets))
    problems = ["\n".join(_problem(name)) for name in names]
    return "\n".join([HEAD, *problems, OPTIMIZERS, TUNING]).rstrip("\n") + "\n"


def _problem(name: str) -> Iterator[str]:
    """The table of one problem: the dataset with its parameters, then what it defaults to."""
    entry = datasets[name]
    yield f"# {entry.summary}"
    yield "[[problem]]"
    if name == "csv":
        yield '# Columns are chosen with `target`, `ignore`, `features`, ...: see "Your data".'
        yield 'dataset = { name = "csv", path = "data.csv", target = "label" }'
        yield from _lines({"epochs": entry.problem["epochs"]})
        return
    shown = {"name": name, **{k: v for k, v in entry.parameters.items() if v is not None}}
    yield _line("dataset", shown if len(shown) > 1 else name, "")
    made = load({"problem": {"dataset": name}, "optimizer": {"rule": "sgd"}})
    problem = made.problems[0].problem
    values = {key: getattr(problem, key) for key in WORDS}
    yield from _lines(values | {"batch_size": problem.batch_size or "full"})
    yield TARGET


def _lines(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield _line(key, value, WORDS[key])


def _line(key: str, value: Any, words: str) -> str:
    text = toml.inline(key, value)
    return f"{text:<35} # {words}" if words else text
