"""Which reference and which stored trajectory belongs to which rule, and how the rule is run."""

import json
from pathlib import Path

from tests.references import elementwise, landscape, layerwise, searching
from tests.references.settings import SETS

FOLDER = Path(__file__).parent / "trajectories"
PER_TENSOR = ("lars", "lamb", "muon", "shampoo", "adafactor")
PER_NETWORK = ("prodigy", "lbfgs", "conjugate_gradients")
# Rules for full batches: the same noise in every update.
FULL_BATCH = ("lbfgs", "conjugate_gradients")


# Rules that see the gradients at the start, whatever the weights: their own feedback would amplify
# rounding without end, as Muon's flips of small singular directions do (1e-10 after 70 updates).
OPEN_LOOP = ("muon",)


# Rules that amplify rounding, by how many updates they are followed: where a line search compares
# numbers that differ by rounding alone, it goes one way or the other.
FOLLOWED = {"lbfgs": 40, "conjugate_gradients": 5}


def seen(name, w, t):
    """The gradient that rule `name` sees at the flat weights `w` in update `t`."""
    t = 1 if name in FULL_BATCH else t
    return landscape.gradient(landscape.START if name in OPEN_LOOP else w, t)


def valued(name, w, t):
    """The loss with that gradient."""
    return landscape.loss(w, 1 if name in FULL_BATCH else t)


MODULES = {**vars(elementwise), **vars(layerwise), **vars(searching)}


def hyperparameters(name, given, defaults):
    """`given` with what it leaves out, and what the rule itself takes of it."""
    complete = {"decay": 0.0, **defaults, **given}
    own = {k: v for k, v in complete.items() if k not in ("learning_rate", "decay")}
    return complete, own


def reference(name, given, defaults, updates=landscape.UPDATES):
    """Weights after every update, as flat lists, by the reference of rule `name`."""
    complete, own = hyperparameters(name, given, defaults)
    if name in PER_NETWORK:
        parts, join = [MODULES[name](list(landscape.START), **own)], list_of_one
        split = listed
    elif name in PER_TENSOR:
        parts = [getattr(layerwise, name)(w, **own) for w in landscape.split(landscape.START)]
        split, join = landscape.split, landscape.join
    else:
        parts = [getattr(elementwise, name)(w, **own) for w in landscape.START]
        split = join = list
    w, found = join([next(part) for part in parts]), []
    for t in range(1, updates + 1):
        rate = complete["learning_rate"] / (1 + complete["decay"] * (t - 1))
        gradients = split(seen(name, w, t))
        w = join([part.send((g, rate)) for part, g in zip(parts, gradients, strict=True)])
        found.append(w)
    return found


def listed(flat):
    return [flat]


def list_of_one(parts):
    return list(parts[0])


def names():
    """Every rule that has hyperparameters to try and a reference."""
    return [name for name in SETS if name in MODULES]


def trajectory(name):
    """What another package made of rule `name`; None if nothing is stored."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None
