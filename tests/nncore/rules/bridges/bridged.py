"""What every bridge has to hold, whatever package is behind it."""

from __future__ import annotations

import numpy as np

from nncore.stack.training import Training, train
from nncore.trial import Configuration, Outcome, Problem
from tests.problems import assert_same, configuration, short

# Both orders of memory; a batch that leaves a remainder.
PROBLEMS = {
    "large": {"layers": ("dense 16", "relu", "dense 3", "softmax"), "batch_size": 7},
    "tiny": {"layers": ("dense 3", "softmax"), "batch_size": 3},
}


class Poisoned(Training):
    """Training in which some trials, by their number, lose their numbers before an epoch."""

    when: dict[int, int]

    def epoch(self) -> None:
        """One pass, on weights that are none."""
        now = self.updates.made // self.updates_per_epoch
        rows = [row for row, i in enumerate(self.rows) if self.when.get(i) == now]
        self.w[rows] = np.nan
        super().epoch()


def poisoned(
    problem: Problem, rows: list[Configuration], seeds: list[int], when: dict[int, int]
) -> list[Outcome]:
    """As `train`, but trial i diverges before the epoch `when[i]`."""
    training = Poisoned(problem, rows, seeds)
    training.when = when
    with np.errstate(all="ignore"):
        return training.run()


def alike(name: str, options: dict[str, object], layers: str, dtype: str, **given: float) -> None:
    """Assert that trials are the same alone, in a stack, again, and beside ones that diverge.

    Those leave one after another, and the last that stays is padded where there have to be two.
    """
    problem = short("spiral", epochs=6, record_every=1, dtype=dtype, **PROBLEMS[layers])
    modifiers = {"options": options} if options else {}

    def of(**values: float) -> Configuration:
        found = configuration(name, **{**given, **values})
        return Configuration(name, found.hyperparameters, modifiers)

    rate = of().hyperparameters["learning_rate"]
    stay, seeds = [of(), of(learning_rate=rate / 2, decay=0.1)], [3, 0]
    alone = [train(problem, [each], [seed])[0] for each, seed in zip(stay, seeds, strict=True)]
    gone = of()
    together = poisoned(problem, [gone, stay[0], gone, stay[1]], [0, 3, 1, 0], {0: 0, 2: 3})
    for k, place in enumerate((1, 3)):
        assert_same(together[place], alone[k])
    assert [together[place].diverged_epoch for place in (0, 2)] == [1, 4]
    [left, _] = poisoned(problem, [stay[0], gone], [3, 0], {1: 2})
    assert_same(left, alone[0])
    assert len(set(alone[0].metrics["train_loss"])) > 1
