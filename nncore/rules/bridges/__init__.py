"""Other people's optimizers as rules: `torch.optim:NAdam`, `optax:adabelief`, any `module:name`.

What a name stands for is found when a spec asks for it, and only then is its package imported. A
class of PyTorch optimizers is bridged by `nncore.rules.bridges.torch`, a function that makes an
optax transformation by `nncore.rules.bridges.optax`; what they take is read off their signatures by
`nncore.rules.bridges.arguments`.
"""

from __future__ import annotations

import inspect
from typing import Any

from nncore.registry import RefusedError
from nncore.rules.bridges import optax, torch
from nncore.rules.bridges.packages import EXAMPLES, imported, is_found, is_package, renewed
from nncore.rules.kinds import Rule, rules

__all__ = ["EXAMPLES", "find", "is_found", "is_package", "names", "renew"]

_found: dict[str, Rule] = {}


def find(name: str) -> Rule:
    """The rule that `module:name` stands for; raises RefusedError, which says why there is none."""
    if name not in _found:
        _found[name] = _bridged(name)
    return _found[name]


def renew() -> None:
    """Look anew for what is in modules of the user's that have changed, in a notebook say."""
    modules = {name: name.partition(":")[0] for name in _found}
    changed = {module for module in {*modules.values()} if renewed(module)}
    for name, module in modules.items():
        if module in changed:
            del _found[name]


def _bridged(name: str) -> Rule:
    module, _, attribute = name.partition(":")
    renewed(module)  # a plugin may have imported it before
    found = imported(name, module)
    if attribute not in vars(found):
        near = names(module)
        raise RefusedError(
            f'there is no optimizer "{attribute}" in {module}; it has {", ".join(near) or "none"}'
        )
    made = vars(found)[attribute]
    if torch.is_optimizer(made):
        return torch.bridged(name, made)
    if optax.is_factory(made):
        return optax.bridged(name, made)
    raise RefusedError(
        f"{name} is no optimizer: neither a class of torch.optim.Optimizer's kind nor a function "
        "of a learning rate that is annotated with -> optax.GradientTransformation"
    )


def names(module: str) -> list[str]:
    """The optimizers of an importable `module`, in its order; raises RefusedError without it."""
    found = imported(module, module)

    def is_optimizer(made: Any) -> bool:
        return torch.is_optimizer(made) or (optax.is_factory(made) and optax.is_whole(made))

    return [
        name
        for name, made in vars(found).items()
        if not name.startswith("_") and not inspect.ismodule(made) and is_optimizer(made)
    ]


rules.elsewhere = find
