"""What `bench speed` compares the core with: the documents' loop, PyTorch, JAX and scikit-learn.

A contender maps `(workload, trials)` to a function without arguments that trains all trials from
their start, metrics of all parts included, and returns the final training losses. Data, start and
orders of the samples are the core's, so the losses must agree. What can be prepared once (data in a
library's own arrays, compilation) is prepared outside the function. All libraries train float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from bench.studies.speed.workloads import Workload
from nncore.reference import network
from nncore.reference.layers import FLOAT32
from nncore.stack.fitting import Fit, train_all

Run = Callable[[], Any]
Contender = Callable[[Workload, int], Run]


def core(workload: Workload, trials: int, fit: Fit | None = None) -> Run:
    """The stacked core, as `bench run` calls it: everything included, drawing the data too.

    `fit` fixes how many are trained side by side.
    """
    configurations = [workload.configuration] * trials

    def run() -> list[float]:
        outcomes = train_all(workload.problem, configurations, range(trials), fit=fit)
        return [outcome.metrics["train_loss"][-1] for outcome in outcomes]

    return run


def documents_loop(workload: Workload, trials: int) -> Run:
    """One network after another, as the documents train theirs."""
    problem, parts = workload.problem, workload.draw(0)
    X, y = parts["train"]
    size = problem.batch_size or len(X)

    def run() -> list[float]:
        net = network.network(problem.layers, workload.start(0), problem.loss, FLOAT32)
        rule = network.OPTIMIZERS[workload.configuration.rule]
        optimizer = rule(workload.configuration.hyperparameters)
        rng = workload.order(0)
        losses: list[float] = []
        for epoch in range(problem.epochs + 1):
            if epoch:
                order = None if rng is None else rng.permutation(len(X))
                Xe, ye = (X, y) if order is None else (X[order], y[order])
                for start in range(0, len(X), size):
                    net.forward(Xe[start : start + size])
                    net.backward(ye[start : start + size])
                    optimizer.before()
                    for layer in net.dense:
                        optimizer.update(layer)
                    optimizer.after()
            if epoch % problem.record_every == 0:
                losses = []
                for Xp, yp in parts.values():
                    p = net.forward(Xp)
                    losses.append(net.loss.value(p, yp))
                    if workload.classifies:
                        np.mean(np.argmax(p, axis=1) == yp)
        return losses[:1]

    assert trials == 1
    return run


def torch_loop(workload: Workload, trials: int) -> Run:
    """PyTorch, one network: `nn.Sequential` and its fused optimizer."""
    torch = import_module("torch")
    nn = torch.nn
    torch.set_num_threads(1)
    assert trials == 1
    problem = workload.problem
    parts = {n: (torch.tensor(X), torch.tensor(y)) for n, (X, y) in workload.draw(0).items()}
    X, y = parts["train"]
    size = problem.batch_size or len(X)
    loss = nn.CrossEntropyLoss() if workload.classifies else _half_squared

    def run() -> list[float]:
        layers: list[Any] = []
        for w, b in workload.start(0):
            dense = nn.Linear(*w.shape)
            dense.weight.data, dense.bias.data = torch.tensor(w.T.copy()), torch.tensor(b)
            layers += [dense, nn.ReLU()]
        net = nn.Sequential(*layers[:-1])
        optimizer = _torch_optimizer(workload, net.parameters())
        rng = workload.order(0)
        losses: list[float] = []
        for epoch in range(problem.epochs + 1):
            if epoch:
                order = None if rng is None else torch.tensor(rng.permutation(len(X)))
                Xe, ye = (X, y) if order is None else (X[order], y[order])
                for start in range(0, len(X), size):
                    optimizer.zero_grad()
                    loss(net(Xe[start : start + size]), ye[start : start + size]).backward()
                    optimizer.step()
            if epoch % problem.record_every == 0:
                with torch.no_grad():
                    losses = []
                    for Xp, yp in parts.values():
                        p = net(Xp)
                        losses.append(loss(p, yp).item())
                        if workload.classifies:
                            (p.argmax(1) == yp).float().mean().item()
        return losses[:1]

    return run


def torch_batched(workload: Workload, trials: int) -> Run:
    """PyTorch, trials side by side: one `baddbmm` a layer, one fused optimizer for all."""
    torch = import_module("torch")
    cross_entropy = torch.nn.functional.cross_entropy
    torch.set_num_threads(1)
    problem, drawn = workload.problem, [workload.draw(seed) for seed in range(trials)]
    parts = {
        name: tuple(torch.tensor(np.stack([d[name][k] for d in drawn])) for k in (0, 1))
        for name in drawn[0]
    }
    X, y = parts["train"]
    size = problem.batch_size or X.shape[1]

    def forward(parameters: list[tuple[Any, Any]], x: Any) -> Any:
        for k, (w, b) in enumerate(parameters):
            x = torch.baddbmm(b, x.relu() if k else x, w)
        return x

    def losses(p: Any, y: Any) -> Any:
        if not workload.classifies:
            return (p - y).square().mean((1, 2)) / 2
        return cross_entropy(p.transpose(1, 2), y, reduction="none").mean(1)

    def run() -> Any:
        starts = [workload.start(seed) for seed in range(trials)]
        parameters = [
            (
                torch.tensor(np.stack([w for w, _ in layer])).requires_grad_(),
                torch.tensor(np.stack([b[None] for _, b in layer])).requires_grad_(),
            )
            for layer in zip(*starts, strict=True)
        ]
        optimizer = _torch_optimizer(workload, [a for layer in parameters for a in layer])
        streams, final = [workload.order(seed) for seed in range(trials)], None
        for epoch in range(problem.epochs + 1):
            if epoch:
                Xe, ye = X, y
                if streams[0] is not None:
                    order = torch.tensor(
                        np.stack([s.permutation(X.shape[1]) for s in streams if s])
                    )
                    rows = torch.arange(trials)[:, None]
                    Xe, ye = X[rows, order], y[rows, order]
                for start in range(0, X.shape[1], size):
                    optimizer.zero_grad()
                    cut = slice(start, start + size)
                    losses(forward(parameters, Xe[:, cut]), ye[:, cut]).sum().backward()
                    optimizer.step()
            if epoch % problem.record_every == 0:
                with torch.no_grad():
                    outputs = {name: forward(parameters, Xp) for name, (Xp, _) in parts.items()}
                    found = {name: losses(p, parts[name][1]) for name, p in outputs.items()}
                    if workload.classifies:
                        for name, p in outputs.items():
                            (p.argmax(2) == parts[name][1]).float().mean(1).tolist()
                    final = found["train"].tolist()
        return final

    return run


def _half_squared(p: Any, y: Any) -> Any:
    return (p - y).square().mean() / 2


def _torch_optimizer(workload: Workload, parameters: Any) -> Any:
    torch = import_module("torch")
    h = workload.configuration.hyperparameters
    if workload.configuration.rule == "sgd":
        return torch.optim.SGD(parameters, h["learning_rate"], h["momentum"], fused=True)
    betas, rate = (h["beta_1"], h["beta_2"]), h["learning_rate"]
    return torch.optim.Adam(parameters, rate, betas, h["epsilon"], fused=True)


def jax_scan(workload: Workload, trials: int) -> Run:
    """JAX, `jit(vmap(scan))` over the updates between two records; compiled beforehand."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")
    problem, h = workload.problem, workload.configuration.hyperparameters
    drawn = [workload.draw(seed) for seed in range(trials)]
    stacked = {n: tuple(np.stack([d[n][k] for d in drawn]) for k in (0, 1)) for n in drawn[0]}
    parts = jax.tree.map(jnp.asarray, stacked)
    samples = parts["train"][0].shape[1]
    size = problem.batch_size or samples
    whole, rest = divmod(samples, size)

    def loss_and_outputs(parameters: Any, x: Any, y: Any) -> Any:
        for k, (w, b) in enumerate(parameters):
            x = (jax.nn.relu(x) if k else x) @ w + b
        if not workload.classifies:
            return ((x - y) ** 2).mean() / 2, x
        likely = jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1)
        return -likely.mean(), x

    def step(state: Any, batch: Any) -> Any:
        w, m, v, t = state
        g, _ = jax.grad(loss_and_outputs, has_aux=True)(w, *batch)
        map_, rate = jax.tree.map, h["learning_rate"]
        if workload.configuration.rule == "sgd":
            return (map_(lambda w, g: w - rate * g, w, g), m, v, t + 1), None
        b1, b2, epsilon = h["beta_1"], h["beta_2"], h["epsilon"]
        t = t + 1
        m = map_(lambda m, g: b1 * m + (1 - b1) * g, m, g)
        v = map_(lambda v, g: b2 * v + (1 - b2) * g**2, v, g)
        c1, c2 = 1 - b1**t, 1 - b2**t
        w = map_(lambda w, m, v: w - rate * (m / c1) / (jnp.sqrt(v / c2) + epsilon), w, m, v)
        return (w, m, v, t), None

    def epoch(state: Any, data: Any, order: Any) -> Any:
        data = data if order is None else tuple(a[order] for a in data)
        if whole == 1 and not rest:
            return step(state, data)[0]
        full = tuple(a[: whole * size].reshape(whole, size, *a.shape[1:]) for a in data)
        state, _ = jax.lax.scan(step, state, full)
        return step(state, tuple(a[whole * size :] for a in data))[0] if rest else state

    def block(state: Any, data: Any, orders: Any) -> Any:
        return jax.lax.scan(
            lambda s, order: (epoch(s, data, order), None), state, orders, problem.record_every
        )[0]

    def record(w: Any, parts: Any) -> Any:
        found = {}
        for name, (x, y) in parts.items():
            value, p = loss_and_outputs(w, x, y)
            score = (p.argmax(1) == y).mean() if workload.classifies else ((p - y) ** 2).sum()
            found[name] = value, score
        return found

    blocks, records = jax.jit(jax.vmap(block)), jax.jit(jax.vmap(record))

    def run() -> Any:
        starts = [workload.start(seed) for seed in range(trials)]
        w = jax.tree.map(lambda *a: jnp.asarray(np.stack(a)), *starts)
        zeros = jax.tree.map(jnp.zeros_like, w)
        state = (w, zeros, zeros, jnp.zeros(trials))
        streams = [workload.order(seed) for seed in range(trials)]
        found = jax.device_get(records(w, parts))
        for _ in range(problem.epochs // problem.record_every):
            orders = None
            if streams[0] is not None:
                epochs = range(problem.record_every)
                orders = np.array(
                    [[s.permutation(samples) for _ in epochs] for s in streams if s], np.int32
                )
            state = blocks(state, parts["train"], orders)
            found = jax.device_get(records(state[0], parts))
        return found["train"][0]

    run()
    return run


def scikit_learn(workload: Workload, trials: int) -> Run:
    """scikit-learn's `MLPClassifier` or `MLPRegressor`, one network, with a start of its own."""
    networks = import_module("sklearn.neural_network")
    assert trials == 1
    problem, h = workload.problem, workload.configuration.hyperparameters
    parts = workload.draw(0)
    X, y = parts["train"]
    hidden = [w.shape[1] for w, _ in workload.start(0)][:-1]
    settings = {
        "hidden_layer_sizes": hidden,
        "solver": workload.configuration.rule,
        "alpha": 0.0,
        "batch_size": problem.batch_size or len(X),
        "learning_rate_init": h["learning_rate"],
        "shuffle": problem.shuffle,
        "max_iter": problem.record_every,
        "n_iter_no_change": problem.epochs + 1,
        "momentum": 0.0,
        "random_state": 0,
        "warm_start": True,
    }

    def run() -> list[float]:
        net = (networks.MLPClassifier if workload.classifies else networks.MLPRegressor)(**settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            for _ in range(problem.epochs // problem.record_every):
                net.fit(X, y if workload.classifies else y.ravel())
                for Xp, yp in parts.values():
                    net.score(Xp, yp if workload.classifies else yp.ravel())
        return [net.loss_]

    return run
