"""PyTorch's optimizers as rules: their own numbers, and a trial's bits are its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nncore.layers import Architecture
from nncore.registry import RefusedError
from nncore.rehearsal import fault
from nncore.rules import rules
from nncore.rules.bridges import names
from nncore.stack.layouts import TrialFirst
from nncore.stack.updates import Updates
from nncore.trial import Configuration
from tests.nncore.rules.bridges.bridged import PROBLEMS, alike
from tests.problems import configuration

pytestmark = [pytest.mark.bridges, pytest.mark.usefixtures("in_a_training")]


@pytest.fixture(autouse=True, scope="module", name="torch")
def _torch() -> Any:
    """Imported for the tests that run: it takes seconds, and a gigabyte."""
    return pytest.importorskip("torch", reason="torch is not installed")


# Options and hyperparameters that differ from the defaults, of optimizers of every kind: state by
# tensor, scalars of state, closures, words.
KINDS: dict[str, tuple[dict[str, Any], dict[str, float]]] = {
    "Adam": ({"amsgrad": True}, {"betas.0": 0.5, "weight_decay": 0.01}),
    "NAdam": ({}, {}),
    "RMSprop": ({"centered": True}, {"momentum": 0.5}),
    "Rprop": ({}, {"etas.1": 1.1}),
    "SGD": ({"nesterov": True}, {"learning_rate": 0.1, "momentum": 0.9}),
    "LBFGS": ({"line_search_fn": "strong_wolfe"}, {"max_iter": 3.0}),
    "Adafactor": ({}, {"eps.1": 0.01}),
}
REFUSED = {
    "Muon": "only supports 2D parameters",
    "SparseAdam": "does not support dense gradients",
}


@pytest.mark.parametrize("layers", PROBLEMS)
@pytest.mark.parametrize("name", KINDS)
def test_a_trial_is_its_own(name: str, layers: str) -> None:
    options, given = KINDS[name]
    dtype = "float64" if layers == "large" else "float32"
    alike(f"torch.optim:{name}", options, layers, dtype, **given)


def own_arguments(values: dict[str, float], options: dict[str, Any]) -> dict[str, Any]:
    """Hyperparameters as PyTorch takes them, written out by hand."""
    tuples = {"betas": (0.9, 0.999), "etas": (0.5, 1.2), "eps": (None, 1e-3)}
    found: dict[str, Any] = dict(options)
    for name, value in values.items():
        if "." in name:
            argument, place = name.split(".")
            items = list(found.get(argument, tuples[argument]))
            items[int(place)] = value
            found[argument] = tuple(items)
        else:
            found["lr" if name == "learning_rate" else name] = value
    if "max_iter" in found:
        found["max_iter"] = int(found["max_iter"])
    return found


@pytest.mark.parametrize("name", KINDS)
def test_it_does_what_pytorch_does(name: str, torch: Any) -> None:
    options, given = KINDS[name]
    network = Architecture.of(["dense 5", "relu", "dense 3"], 4)
    shapes = [p.shape for p in network.parameters]
    rng = np.random.default_rng(0)
    start = rng.standard_normal(network.size)
    targets = rng.standard_normal(network.size)

    # A bowl: gradient and loss at any point.
    def slope(point: Any) -> Any:
        return point - targets

    w = start[None].copy()
    g = np.empty_like(w)
    rule = rules[f"torch.optim:{name}"]
    oracle = Bowl(targets)
    modifiers = {"options": options} if options else {}
    row = Configuration(rule.name, configuration(rule.name, **given).hyperparameters, modifiers)
    updates = Updates(
        rule, [row], network.parameters, 20, TrialFirst(), w, g, seeds=[0], oracle=oracle
    )

    # PyTorch by itself, on weights (outputs, inputs).
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    tensors = [
        torch.tensor(part.reshape(shape).T.copy(), requires_grad=True)
        for part, shape in zip(np.split(start, cuts), shapes, strict=True)
    ]
    goals = [
        torch.tensor(part.reshape(shape).T.copy())
        for part, shape in zip(np.split(targets, cuts), shapes, strict=True)
    ]
    optimizer = getattr(torch.optim, name)(tensors, **own_arguments(given, options))

    def closure() -> Any:
        optimizer.zero_grad()
        loss = sum(((p - goal) ** 2).sum() / 2 for p, goal in zip(tensors, goals, strict=True))
        loss.backward()
        return loss

    for _ in range(20):
        g[:] = slope(w)
        updates.step()
        optimizer.step(closure)
        theirs = np.concatenate([p.detach().numpy().T.ravel() for p in tensors])
        np.testing.assert_allclose(w[0], theirs, rtol=1e-12, atol=1e-14)


class Bowl:
    """An oracle: half the squared distance from a point."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __call__(self, rows: Any, points: Any) -> Any:
        apart = points - self.target
        return (apart**2).sum(axis=1) / 2, apart


def test_all_of_torch_optim_runs_or_says_why_not() -> None:
    said = {
        name: fault(rules[f"torch.optim:{name}"])
        for name in names("torch.optim")
        if name != "LBFGS"
    }
    for name, why in said.items():
        assert REFUSED.get(name, "") in why, (name, why)
        assert bool(why) == (name in REFUSED), (name, why)
    assert len(said) - len(REFUSED) >= 12


def test_random_numbers_are_the_trial_s_own(torch: Any) -> None:
    class Noisy(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            super().step()
            for group in self.param_groups:
                for p in group["params"]:
                    p.data += 0.01 * torch.randn_like(p)

    from nncore.rules.bridges import torch as bridge

    rule = bridge.bridged("torch.optim:Noisy", Noisy)
    assert "rng" in rule.needs
    assert fault(rule) == ""


def test_one_that_draws_when_it_is_made_takes_nothing_from_others(torch: Any) -> None:
    from nncore.rules.bridges import torch as bridge

    class Random(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, lr=lr)
            torch.randn(3)

    before = torch.random.get_rng_state()
    rule = bridge.bridged("torch.optim:Random", Random)
    assert rule.refusal is not None
    assert rule.refusal({"learning_rate": 0.1}, {}) == ""
    assert torch.equal(before, torch.random.get_rng_state())


def test_what_needs_more_than_a_spec_gives_is_refused(torch: Any) -> None:
    from nncore.rules.bridges import torch as bridge

    class Needs(torch.optim.SGD):
        def __init__(self, params: Any, base_optimizer: Any, lr: float = 0.1) -> None:
            super().__init__(params, lr=lr)

    with pytest.raises(RefusedError, match="needs base_optimizer, which a spec cannot give"):
        bridge.bridged("mine:Needs", Needs)


def test_one_without_a_rate_in_its_groups_is_refused(torch: Any) -> None:
    from nncore.rules.bridges import torch as bridge

    class Rateless(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, lr=0.1)
            for group in self.param_groups:
                del group["lr"]

    with pytest.raises(RefusedError, match=r"mine:Rateless has no lr in its param_groups"):
        bridge.bridged("mine:Rateless", Rateless)


# What the class makes of its own rate: halves it in its second step, or when it is made.
OWN_RATES = {"in a step": (2, [1, 1, 0.5, 0.5]), "when it is made": (0, [0.5, 0.5, 0.5, 0.5])}


@pytest.mark.parametrize("when", OWN_RATES)
@pytest.mark.parametrize("rates", [[0.1] * 4, [0.1, 0.3, 0.7, 0.2], [0.1, 0.2, 0.0, 0.3]])
def test_what_an_optimizer_makes_of_its_own_rate_stays(
    torch: Any, rates: list[float], when: str
) -> None:
    from nncore.rules.bridges import torch as bridge

    halves, factors = OWN_RATES[when]

    class Halving(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, lr=lr)
            self.made = -1
            self.step()

        def step(self, closure: Any = None) -> None:
            self.made += 1
            super().step()
            if self.made == halves:
                self.param_groups[0]["lr"] /= 2

    rule = bridge.bridged("torch.optim:Halving", Halving)
    w = [np.zeros((2, 3))]
    memory: dict[str, Any] = {}
    for t, (rate, factor) in enumerate(zip(rates, factors, strict=True), start=1):
        before = w[0].copy()
        rule.function(w, [np.ones((2, 3))], t, learning_rate=rate, memory=memory, options={})
        np.testing.assert_array_equal(w[0], before - rate * factor)


def test_one_that_is_measured_at_an_average_says_where(torch: Any) -> None:
    from nncore.rules.bridges import torch as bridge

    class Averaging(torch.optim.SGD):
        """Evaluated at half its weights."""

        def eval(self) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.data *= 0.5

        def train(self) -> None:
            """Go on; the harness gives the weights back as they were."""

    rule = bridge.bridged("torch.optim:Averaging", Averaging)
    w, g = np.ones((1, 3)), np.full((1, 3), 0.25)
    parameters = Architecture.of(["dense 1"], 2).parameters
    values = {
        "learning_rate": 1.0,
        **{k: v for k, v in rule.hyperparameters.items() if k != "learning_rate"},
    }
    updates = Updates(rule, [Configuration(rule.name, values)], parameters, 3, TrialFirst(), w, g)
    for _ in range(3):
        updates.step()
    np.testing.assert_array_equal(w, np.full((1, 3), 0.25))
    np.testing.assert_array_equal(updates.evaluated, np.full((1, 3), 0.125))
