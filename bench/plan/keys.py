"""A trial's key: the SHA-256 of its content, definitions and plugins, never names or places."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from nncore.datasets import content, datasets
from nncore.initializers import initializers
from nncore.layers import parse
from nncore.losses import losses
from nncore.registry import Entry
from nncore.streams import canonical
from nncore.trial import Configuration, Problem, Seeds, is_random


def key(problem: Problem, configuration: Configuration, seed: int) -> str:
    """The SHA-256 of a trial's canonical JSON: definitions, and digests of the plugins they use.

    Names of a spec are no part of it, nor is the seed where it changes nothing.
    """
    begun = begin(configuration_text(configuration), problem_text(problem))
    return finish(begun, seed if is_random(problem) else None)


def begin(configuration: str, problem: str) -> Any:
    """The hash of a trial's canonical JSON up to where seeds differ."""
    return hashlib.sha256(f'{{"configuration":{configuration},"problem":{problem},"seed":'.encode())


def finish(begun: Any, seed: int | Seeds | None) -> str:
    """The key that `begun` has with `seed`; None where the seed changes nothing.

    Streams that all have one seed are an ordinary trial's, and have its key.
    """
    hashed = begun.copy()
    if isinstance(seed, Seeds):
        seed = seed.data if len({*seed}) == 1 else seed
    if isinstance(seed, Seeds):
        hashed.update(canonical(seed._asdict()).encode() + b"}")
    else:
        hashed.update(b"null}" if seed is None else b"%d}" % seed)
    return str(hashed.hexdigest())


def problem_text(problem: Problem) -> str:
    """The canonical JSON of a problem, with the digests of the plugins it uses."""
    used: list[Entry] = [layer.kind for layer in parse(problem.layers)]
    used += [datasets[problem.dataset["name"]], initializers[problem.initializer["name"]]]
    fields = {**problem.content, "dataset": content(problem.dataset)}
    return _content(fields, [*used, losses[problem.loss]])


def configuration_text(configuration: Configuration) -> str:
    """The canonical JSON of a configuration, with the digests of the plugins it uses."""
    values = {name: float(v) + 0.0 for name, v in configuration.hyperparameters.items()}
    return _content({**configuration.content, "hyperparameters": values}, configuration.pieces)


def _content(fields: Mapping[str, Any], used: Sequence[Entry]) -> str:
    """Fields, with the digests of the plugins they use, as JSON."""
    digests = sorted({entry.digest for entry in used if entry.digest})
    return canonical({**fields, "plugins": digests} if digests else fields)
