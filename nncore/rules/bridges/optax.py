"""optax transformations as rules: compiled once, and run for the trials of a stack one by one.

Trials that differ in their rate alone share a program, `jit` of a loop over them (`lax.map`): of a
`vmap`, sums over a trial's parameters may depend on how many trials there are. Hyperparameters are
Python's numbers, as exact as optax itself has them.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.registry import RefusedError
from nncore.rules.bridges.arguments import arguments
from nncore.rules.bridges.packages import imported, version, versions
from nncore.rules.hyperparameter import Hyperparameter
from nncore.rules.kinds import Rule

Array = NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]
# The fewest that a program is compiled for: one of a single turn would be another program.
LEAST = 4
# What a transformation may want in each update that the harness can give.
LOSS = "value"
# Where random numbers come from, which is the trial's own stream.
STREAMS = ("key", "seed")


def is_factory(made: Any) -> bool:
    """Whether `made` is a function that says it returns a transformation of gradients."""
    if "optax" not in sys.modules or not isinstance(made, FunctionType | partial):
        return False
    return "GradientTransformation" in str(inspect.signature(made).return_annotation)


def is_whole(made: Any) -> bool:
    """Whether a factory makes an optimizer, not a part of one."""
    takes = inspect.signature(made).parameters
    rated = any(name.endswith("learning_rate") for name in takes)
    return rated and not getattr(made, "__name__", "").startswith(("scale_by_", "_"))


def bridged(name: str, made: Callable[..., Any]) -> Rule:
    """The rule of a function that makes a transformation.

    Raises RefusedError where it needs what a spec or the harness cannot give.
    """
    taken = arguments(name, made, given=STREAMS)
    stream = next((key for key in STREAMS if key in inspect.signature(made).parameters), "")
    module = name.partition(":")[0]
    programs: dict[Any, _Program] = {}

    def program(keywords: Mapping[str, Any], shapes: Shapes, dtype: np.dtype[Any]) -> _Program:
        key = repr(sorted(keywords.items())), shapes, dtype
        if key not in programs:

            def transformation(rate: Any, seed: Any) -> Any:
                return made(**keywords, **{taken.rate: rate}, **({stream: seed} if stream else {}))

            programs[key] = _compiled(transformation, shapes)
        return programs[key]

    def step(
        w: Array,
        g: Array,
        t: int,
        *,
        learning_rate: Hyperparameter,
        memory: Sequence[dict[str, Any]],
        options: Sequence[Mapping[str, Any]],
        tensors: Callable[[Array], list[Array]],
        rng: Sequence[np.random.Generator] | None = None,
        loss: Callable[[Array], Array] | None = None,
        **values: Hyperparameter,
    ) -> None:
        shapes = tuple(part.shape[1:] for part in tensors(w))
        losses = np.zeros(len(w)) if loss is None else loss(w)[:, 0]
        with _precision(w.dtype):
            groups = memory[0].get("groups")
            if groups is None or groups.memory is not memory:
                begins = "at" not in memory[0]
                seeds = np.array([int(r.integers(2**31)) for r in rng or ()] if begins else [])
                keywords = [
                    taken.keywords({k: float(v.exact[i, 0]) for k, v in values.items()}, own)
                    for i, own in enumerate(options)
                ]
                own_programs = [program(each, shapes, w.dtype) for each in keywords]
                groups = _Groups(memory, own_programs, seeds, w, learning_rate.exact[:, 0])
            groups.step(w, g, learning_rate.exact[:, 0], losses)

    def refusal(values: Mapping[str, float], options: Mapping[str, Any]) -> str:
        own = {key: value for key, value in values.items() if key in taken.parameters}
        try:
            keywords = {**taken.keywords(own, options), taken.rate: values["learning_rate"]}
            _tried(made, keywords, **{LOSS: 1.0})
        except Exception as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())}"
        return ""

    asks = _asks(made, {**taken.keywords(taken.parameters, {}), taken.rate: 1e-3})
    if stranger := [key for key in asks if key != LOSS]:
        raise RefusedError(
            f"{name} needs {', '.join(stranger)} in every update, a function of JAX's"
        )
    step.__doc__ = inspect.getdoc(made.func if isinstance(made, partial) else made)
    return Rule(
        name=name,
        function=step,
        parameters=taken.parameters,
        origin=version(module),
        digest=versions(module, "optax"),
        buffers=(),
        per="network",
        needs=("memory", "options", "tensors", *["loss"] * bool(asks), *["rng"] * bool(stream)),
        package=versions(module, "optax"),
        options=taken.options,
        required=taken.required,
        aliases=taken.aliases,
        refusal=refusal,
    )


class _Program(NamedTuple):
    """Compiled for trials of one shape: state at first, and weights and state after a step."""

    begin: Callable[..., Any]
    step: Callable[..., Any]


def _jax() -> Any:
    return imported("optax", "jax")


@contextmanager
def _precision(dtype: np.dtype[Any]) -> Any:
    """JAX computing in float64 where the weights are, and in float32 where they are not."""
    with _jax().enable_x64(dtype == np.float64), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _compiled(transformation: Callable[[Any, Any], Any], shapes: Shapes) -> _Program:
    """The programs of a transformation, a function of its rate and its stream's seed."""
    jax, optax = _jax(), imported("optax", "optax")
    sizes = [int(np.prod(shape)) for shape in shapes]

    def parts(flat: Any) -> list[Any]:
        cut = jax.numpy.split(flat, np.cumsum(sizes)[:-1])
        return [piece.reshape(shape) for piece, shape in zip(cut, shapes, strict=True)]

    def begin(row: tuple[Any, ...]) -> Any:
        w, rate, seed = row
        return transformation(rate, seed).init(parts(w))

    def step(row: tuple[Any, ...]) -> Any:
        w, g, rate, seed, loss, state = row
        made = optax.with_extra_args_support(transformation(rate, seed))
        changes, state = made.update(parts(g), state, parts(w), value=loss)
        after = optax.apply_updates(parts(w), changes)
        return jax.numpy.concatenate([piece.reshape(-1) for piece in after]), state

    def loop(function: Callable[..., Any]) -> Any:
        return jax.jit(lambda *rows: jax.lax.map(function, rows))

    return _Program(loop(begin), loop(step))


class _Groups:
    """The trials of a stack by their programs, each with its state.

    `memory` holds for every trial in which group it is, and where: whoever takes trials over finds
    their state there.
    """

    def __init__(
        self,
        memory: Sequence[dict[str, Any]],
        programs: Sequence[_Program],
        seeds: Array,
        w: Array,
        rates: Array,
    ) -> None:
        self.memory = memory
        rows: dict[int, list[int]] = {}
        for i, program in enumerate(programs):
            rows.setdefault(id(program), []).append(i)
        self._groups = [
            _Group(programs[mine[0]], mine, memory, seeds, w, rates) for mine in rows.values()
        ]
        memory[0]["groups"] = self

    def __deepcopy__(self, memo: dict[int, Any]) -> _Groups:
        return self  # of a stack that is no more

    def step(self, w: Array, g: Array, rates: Array, losses: Array) -> None:
        """One step of all trials."""
        for group in self._groups:
            group.step(w, g, rates, losses)


class _Group:
    """Trials of one program; padded to a power of two, so that few programs are compiled."""

    def __init__(
        self,
        program: _Program,
        rows: list[int],
        memory: Sequence[dict[str, Any]],
        seeds: Array,
        w: Array,
        rates: Array,
    ) -> None:
        size = max(LEAST, 1 << (len(rows) - 1).bit_length())
        self._program, self._count = program, len(rows)
        self._rows = np.array(rows + rows[:1] * (size - len(rows)))
        self._seeds, self._dtype = np.zeros(size, np.int32), w.dtype
        if "at" not in memory[rows[0]]:
            if len(seeds):
                self._seeds[:] = seeds[self._rows]
            self._state = program.begin(w[self._rows], self._of(rates), self._seeds)
        else:
            before: _Group = memory[rows[0]]["at"][0]
            places = np.array([memory[i]["at"][1] for i in self._rows])
            self._seeds[:] = before._seeds[places]
            self._state = _jax().tree.map(lambda leaf: _rows(leaf, places), before._state)
        for place, i in enumerate(rows):
            memory[i]["at"] = self, place

    def __deepcopy__(self, memo: dict[int, Any]) -> _Group:
        return self  # its state is replaced, and never changed

    def step(self, w: Array, g: Array, rates: Array, losses: Array) -> None:
        """One step."""
        given = w[self._rows], g[self._rows], self._of(rates), self._seeds, self._of(losses)
        after, self._state = self._program.step(*given, self._state)
        w[self._rows[: self._count]] = np.asarray(after)[: self._count]

    def _of(self, values: Array) -> Array:
        return values[self._rows].astype(self._dtype)


def _rows(leaf: Any, places: Array) -> Any:
    """Rows of a part of a state; NumPy has no keys of random numbers."""
    keys = _jax().dtypes.issubdtype(leaf.dtype, _jax().dtypes.prng_key)
    return leaf[places] if keys else np.asarray(leaf)[places]


def _tried(made: Callable[..., Any], keywords: Mapping[str, Any], **extra: Any) -> None:
    """Trace a transformation and an update of it; raises whatever that raises."""
    optax, w = imported("optax", "optax"), [np.ones((2, 3), np.float32), np.ones(3, np.float32)]
    stream = next((key for key in STREAMS if key in inspect.signature(made).parameters), "")

    def update(w: Any) -> Any:
        given = {**keywords, **({stream: 0} if stream else {})}
        transformation = optax.with_extra_args_support(made(**given))
        return transformation.update(w, transformation.init(w), w, **extra)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _jax().eval_shape(update, w)


def _asks(made: Callable[..., Any], keywords: Mapping[str, Any]) -> list[str]:
    """What a transformation wants in every update, beside gradients and weights."""
    try:
        _tried(made, keywords)
    except TypeError as error:
        found = re.search(r"missing \d+ required keyword-only arguments?: (.*)", str(error))
        return re.findall(r"'(\w+)'", found[1]) if found else []
    except Exception:
        return []
    return []
