"""Trajectories of other packages' optimizers, stored as the tests' data.

In an environment of its own (tools/requirements-trajectories.txt), from the project's folder:

    python -m tools.make_trajectories [RULE]...

writes tests/references/trajectories/RULE.json: the weights of PyTorch, optax or the authors' own
package on the landscape of the references, in float64, with versions and with what was mapped.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import optax
import prodigyopt
import pytorch_optimizer
import schedulefree
import torch
from optax.contrib._muon import orthogonalize_via_newton_schulz

from tests.references import landscape
from tests.references.registry import FOLDER, seen, valued
from tests.references.settings import SETS

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)

Points = Iterator[tuple[list[float], list[float]]]
# What a set leaves out; kept apart from the core's own defaults, which it is to be compared with.
DEFAULTS: dict[str, dict[str, float]] = {
    "sgd": {"momentum": 0.0},
    "heavy_ball": {"momentum": 0.9, "weight_decay": 0.0},
    "sgd_dampened": {"momentum": 0.9, "dampening": 0.9, "weight_decay": 0.0},
    "nesterov": {"momentum": 0.9},
    "signsgd": {},
    "signum": {"momentum": 0.9, "weight_decay": 0.0},
    "lion": {"beta_1": 0.9, "beta_2": 0.99, "weight_decay": 0.0},
    "rprop": {"increase": 1.2, "decrease": 0.5, "smallest": 1e-6, "largest": 50.0},
    "adagrad": {"epsilon": 1e-7},
    "adadelta": {"rho": 0.95, "epsilon": 1e-6},
    "rmsprop": {"rho": 0.9, "epsilon": 1e-7},
    "rmsprop_momentum": {"rho": 0.9, "momentum": 0.9, "epsilon": 1e-7},
    "rmsprop_centred": {"rho": 0.95, "momentum": 0.9, "epsilon": 1e-4},
    "adam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "adamw": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "weight_decay": 1e-2},
    "amsgrad": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    "adamax": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    "nadam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "momentum_decay": 4e-3},
    "radam": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    "adabelief": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
    "yogi": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-3},
    "adabound": {
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "final_ratio": 100.0,
        "gamma": 1e-3,
    },
    "adan": {
        "beta_1": 0.98,
        "beta_2": 0.92,
        "beta_3": 0.99,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
    },
    "lars": {"momentum": 0.9, "weight_decay": 0.0, "trust": 1e-3},
    "lamb": {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6, "weight_decay": 0.0},
    "muon": {
        "momentum": 0.95,
        "weight_decay": 0.0,
        "beta_1": 0.9,
        "beta_2": 0.95,
        "epsilon": 1e-10,
    },
    "shampoo": {"epsilon": 1e-4},
    "adafactor": {
        "exponent": 0.8,
        "epsilon": 1e-30,
        "smallest": 1e-3,
        "threshold": 1.0,
        "weight_decay": 0.0,
    },
    "lbfgs": {},
    "schedule_free_sgd": {"beta_1": 0.9, "weight_decay": 0.0},
    "schedule_free_adamw": {
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
    },
    "prodigy": {
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
        "initial_distance": 1e-6,
    },
}


@dataclass(frozen=True)
class Source:
    """How a package runs a rule: `points(hyperparameters)` yields weights and what is evaluated."""

    package: str
    optimizer: str
    points: Callable[[dict[str, float]], Points]
    note: str


SOURCES: dict[str, Source] = {}


def of(rule: str, package: str, optimizer: str, note: str = "") -> Callable[..., Any]:
    """Register the decorated function as the source of `rule`."""

    def register(points: Callable[[dict[str, float]], Points]) -> Callable[..., Points]:
        SOURCES[rule] = Source(package, optimizer, points, note)
        return points

    return register


def by_torch(
    rule: str,
    make: Callable[[list[torch.nn.Parameter]], list[Any]],
    shape: Callable[[list[float] | list[list[float]]], torch.Tensor] | None = None,
    before: Callable[[int, list[Any]], None] = lambda t, optimizers: None,
) -> Points:
    """Run optimizers from `make` on one flat parameter, or on tensors that `shape` makes."""
    parts = landscape.split(landscape.START) if shape else [landscape.START]
    shape = shape or torch.tensor
    parameters = [torch.nn.Parameter(shape(part)) for part in parts]
    optimizers = make(parameters)

    def flat() -> list[float]:
        # Transposed weights are given as such: put them back.
        if len(parameters) == 1:
            return parameters[0].tolist()
        found = []
        for p, size in zip(parameters, landscape.SHAPES, strict=True):
            value = p.detach()
            value = value.T if shape is transposed and len(size) == 2 else value
            found += value.reshape(-1).tolist()
        return found

    for t in range(1, landscape.UPDATES + 1):
        g = seen(rule, flat(), t)
        parts = landscape.split(g) if len(parameters) > 1 else [g]
        for p, part in zip(parameters, parts, strict=True):
            p.grad = shape(part)
        before(t, optimizers)
        for optimizer in optimizers:
            optimizer.step()
        trained = flat()
        if hasattr(optimizers[0], "eval"):
            optimizers[0].eval()
        yield trained, flat()
        if hasattr(optimizers[0], "train"):
            optimizers[0].train()


def transposed(part: Any) -> torch.Tensor:
    """A weight as PyTorch has it, (outputs, inputs)."""
    return torch.tensor(part).T.contiguous() if isinstance(part[0], list) else torch.tensor(part)


def as_matrix(part: Any) -> torch.Tensor:
    """A weight, or a bias as a matrix of one row."""
    return torch.tensor(part if isinstance(part[0], list) else [part])


def by_optax(rule: str, at: Callable[[int], optax.GradientTransformation], *, tree=False) -> Points:
    """Run the transformation `at(t)` in update t, all of one structure of state."""

    def shaped(flat: list[float]) -> Any:
        parts = landscape.split(flat) if tree else [flat]
        return [jnp.array(part, dtype=jnp.float64) for part in parts]

    w = shaped(landscape.START)
    state = at(1).init(w)
    # One that differs in every update runs uncompiled.
    step = jax.jit(at(1).update) if rule != "yogi" else None
    flat = landscape.START
    for t in range(1, landscape.UPDATES + 1):
        g = shaped(seen(rule, flat, t))
        update, state = step(g, state, w) if step else at(t).update(g, state, w)
        w = optax.apply_updates(w, update)
        flat = [x for part in w for x in part.reshape(-1).tolist()]
        yield flat, flat


def betas(h: dict[str, float]) -> tuple[float, ...]:
    """All betas of a set, in order."""
    return tuple(h[name] for name in ("beta_1", "beta_2", "beta_3") if name in h)


CONSTANT = "at a constant rate, where the rate's place in the velocity makes no difference"


@of("sgd", "torch", "torch.optim.SGD(momentum)", CONSTANT)
def sgd(h):
    return by_torch(
        "sgd", lambda p: [torch.optim.SGD(p, h["learning_rate"], momentum=h["momentum"])]
    )


@of("heavy_ball", "torch", "torch.optim.SGD(momentum, weight_decay)")
def heavy_ball(h):
    def make(p):
        decay, rate = h["weight_decay"], h["learning_rate"]
        return [torch.optim.SGD(p, rate, momentum=h["momentum"], weight_decay=decay)]

    return by_torch("heavy_ball", make)


@of("sgd_dampened", "torch", "torch.optim.SGD(momentum, dampening, weight_decay)")
def sgd_dampened(h):
    given = {name: h[name] for name in ("momentum", "dampening", "weight_decay")}
    return by_torch("sgd_dampened", lambda p: [torch.optim.SGD(p, h["learning_rate"], **given)])


@of("nesterov", "torch", "torch.optim.SGD(momentum, nesterov=True)", CONSTANT)
def nesterov(h):
    def make(p):
        return [torch.optim.SGD(p, h["learning_rate"], momentum=h["momentum"], nesterov=True)]

    return by_torch("nesterov", make)


@of("signsgd", "optax", "optax.sign_sgd")
def signsgd(h):
    return by_optax("signsgd", lambda t: optax.sign_sgd(h["learning_rate"]))


@of("signum", "optax", "chain(ema(debias=False), scale_by_sign, add_decayed_weights, scale)")
def signum(h):
    return by_optax(
        "signum",
        lambda t: optax.chain(
            optax.ema(h["momentum"], debias=False),
            optax.scale_by_sign(),
            optax.add_decayed_weights(h["weight_decay"]),
            optax.scale(-h["learning_rate"]),
        ),
    )


@of("lion", "optax", "optax.lion")
def lion(h):
    return by_optax(
        "lion",
        lambda t: optax.lion(
            h["learning_rate"], h["beta_1"], h["beta_2"], weight_decay=h["weight_decay"]
        ),
    )


@of("rprop", "torch", "torch.optim.Rprop")
def rprop(h):
    def make(p):
        etas, sizes = (h["decrease"], h["increase"]), (h["smallest"], h["largest"])
        return [torch.optim.Rprop(p, h["learning_rate"], etas=etas, step_sizes=sizes)]

    return by_torch("rprop", make)


@of("adagrad", "torch", "torch.optim.Adagrad")
def adagrad(h):
    return by_torch(
        "adagrad", lambda p: [torch.optim.Adagrad(p, h["learning_rate"], eps=h["epsilon"])]
    )


@of("adadelta", "torch", "torch.optim.Adadelta")
def adadelta(h):
    def make(p):
        return [torch.optim.Adadelta(p, h["learning_rate"], rho=h["rho"], eps=h["epsilon"])]

    return by_torch("adadelta", make)


@of("rmsprop", "torch", "torch.optim.RMSprop")
def rmsprop(h):
    def make(p):
        return [torch.optim.RMSprop(p, h["learning_rate"], alpha=h["rho"], eps=h["epsilon"])]

    return by_torch("rmsprop", make)


@of("rmsprop_momentum", "torch", "torch.optim.RMSprop(momentum)", CONSTANT)
def rmsprop_momentum(h):
    def make(p):
        rate, rho, epsilon = h["learning_rate"], h["rho"], h["epsilon"]
        return [torch.optim.RMSprop(p, rate, alpha=rho, eps=epsilon, momentum=h["momentum"])]

    return by_torch("rmsprop_momentum", make)


@of("rmsprop_centred", "optax", "optax.rmsprop(centered=True, momentum)")
def rmsprop_centred(h):
    return by_optax(
        "rmsprop_centred",
        lambda t: optax.rmsprop(
            h["learning_rate"], h["rho"], h["epsilon"], centered=True, momentum=h["momentum"]
        ),
    )


@of("adam", "torch", "torch.optim.Adam")
def adam(h):
    return by_torch(
        "adam", lambda p: [torch.optim.Adam(p, h["learning_rate"], betas(h), h["epsilon"])]
    )


@of("adamw", "torch", "torch.optim.AdamW")
def adamw(h):
    def make(p):
        rate, decay = h["learning_rate"], h["weight_decay"]
        return [torch.optim.AdamW(p, rate, betas(h), h["epsilon"], weight_decay=decay)]

    return by_torch("adamw", make)


def uncorrected(h, optimizers, t):
    """Rate and epsilon of update t that undo the correction of both biases."""
    root = math.sqrt(1 - h["beta_2"] ** t)
    for group in optimizers[0].param_groups:
        group["lr"] = h["learning_rate"] * (1 - h["beta_1"] ** t) / root
        group["eps"] = h["epsilon"] / root


@of(
    "amsgrad",
    "torch",
    "torch.optim.Adam(amsgrad=True)",
    "with the rate and epsilon of every update such that they undo its bias corrections",
)
def amsgrad(h):
    return by_torch(
        "amsgrad",
        lambda p: [torch.optim.Adam(p, 1.0, betas(h), amsgrad=True)],
        before=lambda t, optimizers: uncorrected(h, optimizers, t),
    )


@of("adamax", "torch", "torch.optim.Adamax")
def adamax(h):
    return by_torch(
        "adamax", lambda p: [torch.optim.Adamax(p, h["learning_rate"], betas(h), h["epsilon"])]
    )


@of("nadam", "torch", "torch.optim.NAdam")
def nadam(h):
    def make(p):
        rate, drift = h["learning_rate"], h["momentum_decay"]
        return [torch.optim.NAdam(p, rate, betas(h), h["epsilon"], momentum_decay=drift)]

    return by_torch("nadam", make)


@of("radam", "optax", "optax.radam(threshold=4)", "its threshold set to the paper's")
def radam(h):
    return by_optax(
        "radam",
        lambda t: optax.radam(
            h["learning_rate"], h["beta_1"], h["beta_2"], h["epsilon"], threshold=4.0
        ),
    )


@of("adabelief", "optax", "optax.adabelief", "epsilon as eps and as eps_root, as in the paper")
def adabelief(h):
    return by_optax(
        "adabelief",
        lambda t: optax.adabelief(
            h["learning_rate"], h["beta_1"], h["beta_2"], h["epsilon"], h["epsilon"]
        ),
    )


@of(
    "yogi",
    "optax",
    "optax.scale_by_yogi(initial_accumulator_value=0)",
    "with the rate and epsilon of every update such that they undo its bias corrections",
)
def yogi(h):
    def at(t):
        root = math.sqrt(1 - h["beta_2"] ** t)
        rate = h["learning_rate"] * (1 - h["beta_1"] ** t) / root
        scaled = optax.scale_by_yogi(
            h["beta_1"], h["beta_2"], h["epsilon"] / root, initial_accumulator_value=0.0
        )
        return optax.chain(scaled, optax.scale(-rate))

    return by_optax("yogi", at)


class Bare(pytorch_optimizer.AdaBound):
    """The package's AdaBound without the 1e-15 that it adds inside every root."""

    @staticmethod
    def apply_ams_bound(*given, **named):
        return pytorch_optimizer.AdaBound.apply_ams_bound(*given, **named, exp_avg_sq_eps=0.0)


@of(
    "adabound",
    "pytorch_optimizer",
    "pytorch_optimizer.AdaBound",
    "without the 1e-15 that it adds inside every root",
)
def adabound(h):
    def make(p):
        rate, final = h["learning_rate"], h["final_ratio"] * h["learning_rate"]
        given = {"gamma": h["gamma"], "eps": h["epsilon"], "foreach": False}
        return [Bare(p, rate, final, betas(h), **given)]

    return by_torch("adabound", make)


@of("adan", "pytorch_optimizer", "pytorch_optimizer.Adan")
def adan(h):
    def make(p):
        rate, decay = h["learning_rate"], h["weight_decay"]
        return [pytorch_optimizer.Adan(p, rate, betas(h), eps=h["epsilon"], weight_decay=decay)]

    return by_torch("adan", make)


@of(
    "lars",
    "pytorch_optimizer",
    "pytorch_optimizer.LARS",
    "biases as matrices of one row, which it adapts as it does weights; " + CONSTANT,
)
def lars(h):
    def make(p):
        return [
            pytorch_optimizer.LARS(
                p,
                h["learning_rate"],
                weight_decay=h["weight_decay"],
                momentum=h["momentum"],
                trust_coefficient=h["trust"],
            )
        ]

    return by_torch("lars", make, as_matrix)


@of("lamb", "optax", "optax.lamb")
def lamb(h):
    return by_optax(
        "lamb",
        lambda t: optax.lamb(
            h["learning_rate"],
            h["beta_1"],
            h["beta_2"],
            h["epsilon"],
            weight_decay=h["weight_decay"],
        ),
        tree=True,
    )


@of(
    "muon",
    "torch",
    "torch.optim.Muon, and torch.optim.AdamW for biases",
    "its Newton-Schulz iteration, which is in bfloat16, replaced by optax's in float64",
)
def muon(h):
    import torch.optim._muon as module

    @jax.jit
    def iterate(x):
        coefficients = jnp.array((3.4445, -4.7750, 2.0315))
        return orthogonalize_via_newton_schulz(x, coefficients, 5, eps=1e-7)

    def orthogonalised(g, *_):
        return torch.tensor(iterate(jnp.array(g.numpy())).tolist())

    module._zeropower_via_newtonschulz = orthogonalised

    def make(p):
        rate, decay = h["learning_rate"], h["weight_decay"]
        weights, biases = [x for x in p if x.ndim == 2], [x for x in p if x.ndim == 1]
        return [
            torch.optim.Muon(weights, rate, weight_decay=decay, momentum=h["momentum"]),
            torch.optim.AdamW(biases, rate, betas(h), h["epsilon"], weight_decay=decay),
        ]

    return by_torch("muon", make, transposed)


@of("shampoo", "pytorch_optimizer", "pytorch_optimizer.Shampoo")
def shampoo(h):
    def make(p):
        return [pytorch_optimizer.Shampoo(p, h["learning_rate"], matrix_eps=h["epsilon"])]

    return by_torch("shampoo", make, torch.tensor)


@of("schedule_free_sgd", "schedulefree", "schedulefree.SGDScheduleFree")
def schedule_free_sgd(h):
    def make(p):
        rate, decay = h["learning_rate"], h["weight_decay"]
        made = schedulefree.SGDScheduleFree(p, rate, momentum=h["beta_1"], weight_decay=decay)
        made.train()
        return [made]

    return by_torch("schedule_free_sgd", make)


@of("schedule_free_adamw", "schedulefree", "schedulefree.AdamWScheduleFree")
def schedule_free_adamw(h):
    def make(p):
        rate, decay = h["learning_rate"], h["weight_decay"]
        made = schedulefree.AdamWScheduleFree(
            p, rate, betas=betas(h), eps=h["epsilon"], weight_decay=decay
        )
        made.train()
        return [made]

    return by_torch("schedule_free_adamw", make)


@of(
    "prodigy",
    "prodigyopt",
    "prodigyopt.Prodigy",
    "without epsilon: the package multiplies it with the new distance, the paper with the last",
)
def prodigy(h):
    assert h["epsilon"] == 0

    def make(p):
        return [
            prodigyopt.Prodigy(
                p,
                h["learning_rate"],
                betas=betas(h),
                eps=1e-100,
                weight_decay=h["weight_decay"],
                d0=h["initial_distance"],
            )
        ]

    return by_torch("prodigy", make)


@of(
    "adafactor",
    "torch",
    "torch.optim.Adafactor",
    "with an epsilon too small to tell adding it from bounding by it",
)
def adafactor(h):
    assert h["epsilon"] == 1e-30

    def make(p):
        return [
            torch.optim.Adafactor(
                p,
                h["learning_rate"],
                beta2_decay=-h["exponent"],
                eps=(h["epsilon"], h["smallest"]),
                d=h["threshold"],
                weight_decay=h["weight_decay"],
            )
        ]

    return by_torch("adafactor", make, shape=torch.tensor)


@of(
    "lbfgs",
    "torch",
    "torch.optim.LBFGS(line_search_fn='strong_wolfe', history_size=10, max_iter=1)",
    "without tolerances of slopes and gradients",
)
def lbfgs(h):
    w = torch.nn.Parameter(torch.tensor(landscape.START))
    optimizer = torch.optim.LBFGS(
        [w],
        h["learning_rate"],
        max_iter=1,
        max_eval=1000,
        tolerance_grad=0,
        history_size=10,
        line_search_fn="strong_wolfe",
    )
    for t in range(1, landscape.UPDATES + 1):

        def closure(t: int = t) -> torch.Tensor:
            w.grad = torch.tensor(seen("lbfgs", w.tolist(), t))
            return torch.tensor(valued("lbfgs", w.tolist(), t))

        optimizer.step(closure)
        yield w.tolist(), w.tolist()


def rounded(values: list[float]) -> list[float]:
    """With 14 digits: four more than are compared."""
    return [float(f"{value:.14g}") for value in values]


def make(rule: str) -> dict[str, Any]:
    """The trajectory of a rule, ready to be stored."""
    source, sets = SOURCES[rule], []
    for given in SETS[rule]:
        if "decay" in given:
            continue
        points = list(source.points({**DEFAULTS[rule], **given}))
        kept: dict[str, Any] = {"hyperparameters": given}
        kept["weights"] = {str(t): rounded(points[t - 1][0]) for t in landscape.STORED}
        if any(weights != evaluated for weights, evaluated in points):
            kept["evaluated"] = {str(t): rounded(points[t - 1][1]) for t in landscape.STORED}
        sets.append(kept)
    packages = [source.package, *(["optax"] if rule == "muon" else [])]
    return {
        "made_by": ", ".join(f"{name} {version(name)}" for name in packages),
        "optimizer": source.optimizer,
        "note": source.note,
        "sets": sets,
    }


def main(rules: list[str]) -> None:
    """Write the trajectories of `rules`, or of all."""
    FOLDER.mkdir(exist_ok=True)
    for rule in rules or SOURCES:
        text = json.dumps(make(rule), indent=1)
        # A list of numbers on a line of its own: small files, readable differences.
        lines = text.replace("\n     ", " ").replace("\n    ]", " ]")
        (FOLDER / f"{rule}.json").write_text(lines + "\n")
        print(rule, SOURCES[rule].optimizer)


if __name__ == "__main__":
    main(sys.argv[1:])
