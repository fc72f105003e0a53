"""Update rules, simplest first: each reads like its paper, and its signature is its specification.

A rule is called once per update, all but one kind for a whole stack of `T` trials with `P`
parameters each:

- `w`, `g`: weights and gradient, `(T, P)`; the rule changes `w` in place;
- `t`: the number of this update, from 1;
- further positional arguments: state buffers, `(T, P)`, zeros at first, changed in place
  (`m[:] = ...`; rebinding, `m = ...`, would freeze them); one that starts at other values is set
  when `t` is 1;
- keyword-only arguments: hyperparameters with their defaults; they arrive as `Hyperparameter`s of
  shape `(T, 1)` (or `(T, P)` where weights and biases differ): float64 among themselves, rounded to
  the dtype of `w` where they meet it. `learning_rate` is the effective one: decay, schedules and
  clipping happen outside.

`@rule(per="trial")` is for rules as a textbook has them: they see one network at a time, `w`, `g`
and every buffer as lists of arrays in their natural shapes, weights `(inputs, outputs)` and biases
`(outputs,)`, hyperparameters as Python's floats. They change arrays or lists in place, or return
`w`, or `(w, *buffers)`. The other kinds take a whole stack, which is what makes them fast:

What else a rule needs it asks for by a keyword-only name without a default (`RESERVED`):
`gradient`, a function that evaluates the current batch at other weights than `w`; `loss`, that
batch's loss there; `rng`, a generator of the trial's own; `memory`, a dictionary of its own, empty
at first, for state that is no array of w's shape. For a whole stack they take and give `(T, P)`,
`(T, 1)`, a list of generators and one of dictionaries. What is evaluated is counted.

`@rule` is for rules that treat every parameter alike. `@rule(per="tensor")` is called for each
weight `(T, inputs, outputs)` and each vector `(T, features)`, bias or gain, apart, hyperparameters
as `(T, 1, 1)` or `(T, 1)`; `@rule(per="network")` gets all of `(T, P)` in one call. Both get every
trial's numbers contiguous in memory. Sums over a trial's parameters must not depend on `T`: `norm`
is one.
"""

# isort: off
# In the order of registration: simplest first.
import nncore.rules.gradient
import nncore.rules.adaptive
import nncore.rules.adam
import nncore.rules.moments
import nncore.rules.layerwise
import nncore.rules.factored
import nncore.rules.averaging
import nncore.rules.second_order
import nncore.rules.bridges  # noqa: F401

# isort: on
from nncore.rules.hyperparameter import Hyperparameter
from nncore.rules.kinds import Array, Domain, Per, Rule, domain, norm, rule, rules
from nncore.rules.means import running_mean, unbiased

__all__ = [
    "Array",
    "Domain",
    "Hyperparameter",
    "Per",
    "Rule",
    "domain",
    "norm",
    "rule",
    "rules",
    "running_mean",
    "unbiased",
]
