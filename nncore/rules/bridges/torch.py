"""PyTorch optimizers as rules: one optimizer a trial, on tensors of the trial's own.

Weights are as in `torch.nn.Linear`, `(outputs, inputs)` and contiguous, since what optimizers do
with matrices depends on it; a step copies weights and gradient there, and the weights back.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.registry import RefusedError
from nncore.rules.bridges.arguments import Arguments, arguments
from nncore.rules.bridges.packages import imported, version, versions
from nncore.rules.kinds import Rule

Array = NDArray[Any]
Make = Callable[[Sequence[Any]], Any]
# What an optimizer with a mode for evaluation is measured at.
MEASURED = "measured"
# Steps in which it shows what it needs.
TRIED = 3


def is_optimizer(made: Any) -> bool:
    """Whether `made` is a class of PyTorch optimizers."""
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and inspect.isclass(made)
        and issubclass(made, torch.optim.Optimizer)
        and made is not torch.optim.Optimizer
        and not inspect.isabstract(made)
    )


def bridged(name: str, made: Any) -> Rule:
    """The rule of a class of optimizers; raises RefusedError where a spec cannot give it all."""
    taken = arguments(name, made, given={"params"})
    if "params" not in inspect.signature(made).parameters:
        raise RefusedError(f"{name} is no optimizer of parameters alone: it does not take params")

    def make(
        values: Mapping[str, float], options: Mapping[str, Any], learning_rate: float
    ) -> Callable[[Sequence[Any]], Any]:
        keywords = {**taken.keywords(values, options), taken.rate: learning_rate}
        return lambda parameters: made(parameters, **keywords)

    if not _is_rated(make, taken):
        raise RefusedError(
            f"{name} has no lr in its param_groups: it would not see the rates that it is given"
        )

    def step(
        w: Any,
        g: Any,
        t: int,
        *measured: Any,
        learning_rate: float,
        memory: dict[str, Any],
        options: Mapping[str, Any],
        rng: np.random.Generator | None = None,
        loss: Callable[..., float] | None = None,
        gradient: Callable[..., list[Array]] | None = None,
        **values: float,
    ) -> None:
        if "optimizer" not in memory:
            made = make(values, options, learning_rate)
            memory["optimizer"] = _Attached(made, w, learning_rate, rng)
        memory["optimizer"].step(w, g, learning_rate, loss, gradient, *measured)

    def refusal(values: Mapping[str, float], options: Mapping[str, Any]) -> str:
        own = {key: value for key, value in values.items() if key in taken.parameters}
        rate = own.pop("learning_rate")
        try:
            with _apart():
                _Attached(make(own, options, rate), [np.zeros((2, 3))], rate)
        except Exception as error:
            return _told(error)
        return ""

    step.__doc__ = inspect.getdoc(made)
    closes, draws = _shown(make, taken)
    needs = ("memory", "options", *(["loss", "gradient"] * closes), *(["rng"] * draws))
    module = name.partition(":")[0]
    averages = all(callable(getattr(made, mode, None)) for mode in ("train", "eval"))
    return Rule(
        name=name,
        function=step,
        parameters=taken.parameters,
        origin=version(module),
        digest=versions(module, "torch"),
        buffers=(MEASURED,) * averages,
        per="trial",
        evaluate=MEASURED if averages else "",
        needs=needs,
        package=versions(module, "torch"),
        options=taken.options,
        required=taken.required,
        aliases=taken.aliases,
        refusal=refusal,
    )


class _Attached:
    """An optimizer with the tensors that it steps, of one network; made with this `rate`."""

    def __init__(
        self,
        make: Make,
        w: Sequence[Array],
        rate: float,
        rng: np.random.Generator | None = None,
    ) -> None:
        torch = imported("torch", "torch")
        self._torch, self._make = torch, make
        self._w, self._g = ([np.empty(x.T.shape, x.dtype) for x in w] for _ in range(2))
        for mine, array in zip(self._w, w, strict=True):
            mine[...] = array.T
        self.parameters = [torch.nn.Parameter(torch.from_numpy(array)) for array in self._w]
        self._gradients = [torch.from_numpy(array) for array in self._g]
        self._stream: Any = None
        if rng is not None:
            with torch.random.fork_rng(devices=()):
                torch.manual_seed(int(rng.integers(2**62)))
                self.optimizer = make(self.parameters)
                self._stream = torch.random.get_rng_state()
        else:
            self.optimizer = make(self.parameters)
        self._averages = callable(getattr(self.optimizer, "eval", None)) and callable(
            getattr(self.optimizer, "train", None)
        )
        self._rate, self._factors = rate, [1.0] * len(self.optimizer.param_groups)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Attached:
        """A twin with tensors of its own, which go on sharing memory with its arrays."""
        twin = copy.copy(self)
        twin._w, twin._g = ([np.array(x) for x in arrays] for arrays in (self._w, self._g))
        twin.parameters = [self._torch.nn.Parameter(self._torch.from_numpy(x)) for x in twin._w]
        twin._gradients = [self._torch.from_numpy(array) for array in twin._g]
        for mine, other in zip(self.parameters, twin.parameters, strict=True):
            memo[id(mine)] = other
        # Whatever it has: an optimizer's own way to be copied keeps what it knows of.
        twin.optimizer = copy.copy(self.optimizer)
        twin.optimizer.__dict__.update(copy.deepcopy(self.optimizer.__dict__, memo))
        return twin

    def step(
        self,
        w: Sequence[Array],
        g: Sequence[Array],
        rate: float,
        loss: Callable[..., float] | None,
        gradient: Callable[..., list[Array]] | None,
        measured: Sequence[Array] = (),
    ) -> None:
        """One step from `w` with gradient `g`, in place; `measured` is where it is measured."""
        for mine, array in zip(self._w, w, strict=True):
            mine[...] = array.T
        self._give(g)
        if rate != self._rate:
            self._give_rate(rate)
        if self._averages:
            self.optimizer.train()
        closure = None if loss is None else self._closure(loss, gradient)
        if self._stream is None:
            self._call(closure)
        else:
            with self._torch.random.fork_rng(devices=()):
                self._torch.random.set_rng_state(self._stream)
                self._call(closure)
                self._stream = self._torch.random.get_rng_state()
        self._take(w)
        if self._averages:
            self.optimizer.eval()
            self._take(measured)
            self.optimizer.train()
            for mine, array in zip(self._w, w, strict=True):  # to and fro, they were rounded
                mine[...] = array.T

    def _give_rate(self, rate: float) -> None:
        """Set a new rate, times what the optimizer itself has made of the last one."""
        groups = self.optimizer.param_groups
        if self._rate:
            self._factors = [group["lr"] / self._rate for group in groups]
        for group, factor in zip(groups, self._factors, strict=True):
            group["lr"] = rate * factor
        self._rate = rate

    def _call(self, closure: Callable[[], Any] | None) -> None:
        if closure is None:
            self.optimizer.step()
        else:
            self.optimizer.step(closure)

    def _closure(
        self, loss: Callable[..., float], gradient: Callable[..., list[Array]] | None
    ) -> Callable[[], Any]:
        def closure() -> Any:
            assert gradient is not None
            here = [array.T for array in self._w]
            self._give(gradient(here))
            return self._torch.tensor(loss(here), dtype=self.parameters[0].dtype)

        return closure

    def _give(self, g: Sequence[Array]) -> None:
        for mine, array in zip(self._g, g, strict=True):
            mine[...] = array.T
        for parameter, tensor in zip(self.parameters, self._gradients, strict=True):
            parameter.grad = tensor

    def _take(self, into: Sequence[Array]) -> None:
        """Write the parameters to `into`; where an optimizer has given them other memory, too."""
        for k, (mine, parameter) in enumerate(zip(self._w, self.parameters, strict=True)):
            if parameter.data_ptr() != mine.ctypes.data:
                mine[...] = parameter.detach().numpy()
                parameter.data = self._torch.from_numpy(mine)
            into[k][...] = mine.T


@contextmanager
def _apart() -> Iterator[None]:
    """Whatever is drawn meanwhile from the generator that all share is the same, and nobody's."""
    torch = imported("torch", "torch")
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        yield


def _shown(make: Callable[..., Make], taken: Arguments) -> tuple[bool, bool]:
    """Whether it needs a closure, and whether it draws random numbers, in a few tried steps."""
    torch = imported("torch", "torch")
    with _apart():
        before = torch.random.get_rng_state()
        closes = "closure" in _tried(make, taken).lower()
        if closes:
            _tried(make, taken, lambda w: 1.0, lambda w: list(map(np.copy, w)))
        return closes, not torch.equal(before, torch.random.get_rng_state())


def _is_rated(make: Callable[..., Make], taken: Arguments) -> bool:
    """Whether there is a rate to be set; of one that cannot be made, others say so."""
    values = dict(taken.parameters)
    rate = values.pop("learning_rate")
    try:
        with _apart():
            tried = _Attached(make(values, {}, rate), [np.ones((2, 3))], rate)
    except Exception:
        return True
    return all("lr" in group for group in tried.optimizer.param_groups)


def _tried(make: Callable[..., Make], taken: Arguments, *closure: Callable[..., Any]) -> str:
    """What is wrong when it makes a few steps; with the loss and gradient of a `closure`."""
    w = [np.linspace(-1, 1, 6).reshape(2, 3), np.linspace(0, 1, 3)]
    values, (loss, gradient) = dict(taken.parameters), closure or (None, None)
    rate = values.pop("learning_rate")
    try:
        tried = _Attached(make(values, {}, rate), w, rate)
        for _ in range(TRIED):
            tried.step(w, list(map(np.copy, w)), rate, loss, gradient, list(map(np.copy, w)))
    except Exception as error:
        return _told(error)
    return ""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
