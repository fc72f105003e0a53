"""Wrappers of rules: what is done around any rule's step, a file for each.

A wrapper is called once per update for a whole stack, in the place of the rule:

- `w`, `g`: weights and gradient, `(T, P)`; it may change `w` in place;
- `t`: the number of this update, from 1;
- `step`: a function of a gradient, of which the rule makes its step on `w`; to be called once, or
  not at all in some updates, by a wrapper that collects gradients: the rule counts its own steps;
- further positional arguments: state, `(T, P)`, zeros at first, changed in place;
- keyword-only arguments: hyperparameters, `(T, 1)`, with their defaults; and, without a default,
  what it asks for besides: `gradient`, `loss`, `rng` as rules do, `learning_rate`, the effective
  one, and `tensors`, a function that gives of an array `(T, P)` the weights `(T, inputs, outputs)`
  and vectors `(T, features)` in it, as views.

`changes` says of what lies between the rule and the loss that it changes: the gradient, the
weights. `evaluate` names the buffer at which metrics are taken.
"""

# isort: off
import nncore.wrappers.lookahead
import nncore.wrappers.sam
import nncore.wrappers.average
import nncore.wrappers.centralisation
import nncore.wrappers.schedule_free  # noqa: F401

# isort: on
from nncore.wrappers.kinds import Wrapper, conflict, normal, wrapper, wrappers

__all__ = ["Wrapper", "conflict", "normal", "wrapper", "wrappers"]
