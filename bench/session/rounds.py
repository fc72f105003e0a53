"""What follows from results: the trials that judge what tuning chose, and rounds of more seeds.

All of it follows from the spec and from what is stored, in the order of the rounds, so that
neither interruptions nor the number of workers change which trials there are.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from bench.plan import manifest as manifests
from bench.plan import stacks as stacking
from bench.plan import trials as planning
from bench.plan.manifest import Manifest
from bench.plan.trial import Trial
from bench.spec.experiment import Experiment
from bench.store.store import Store

Ready = Callable[[Sequence[Trial]], Set[str]]


@dataclass(frozen=True)
class Standing:
    """How far seeds in rounds have come: by problem its seeds, its pairs, and the undecided ones.

    Of problems with randomness. `rounds` are those that the spec asks for; `claims` counts what
    undecided claims still ask of a problem.
    """

    rounds: tuple[int, ...]
    seeds: Mapping[str, int]
    pairs: Mapping[str, int]
    undecided: Mapping[str, int]
    claims: Mapping[str, int]

    @property
    def open(self) -> tuple[str, ...]:
        """The problems that a further round goes on with."""
        last = self.rounds[-1]
        asked = {p: count + self.claims[p] for p, count in self.undecided.items()}
        return tuple(p for p, count in asked.items() if count and self.seeds[p] < last)


@dataclass(frozen=True)
class Later:
    """Trials that follow once there are results: how many at least, at most, and how long at most.

    `seconds` are those of one worker.
    """

    least: int = 0
    most: int = 0
    seconds: float = 0.0


def round_of(manifest: Manifest) -> int:
    """The number of the last round that is planned, from 1; 0 where there are none."""
    if manifest.until is None or manifest.tuned:
        return 0
    most = max(manifest.evaluation_seeds.values(), default=0)
    return sum(n <= most for n in manifest.until.rounds)


def standing(store: Store, manifest: Manifest) -> Standing | None:
    """How far rounds have come by what is stored; None where none have begun."""
    trials = manifest.evaluation
    if manifest.until is None or manifest.tuned or not trials:
        return None
    from bench.report.claims import decided
    from bench.tables.headline import Headlines
    from bench.tables.trials import trials_frame
    from bench.verdicts.claims import open_questions
    from bench.verdicts.pairs import decisions
    from bench.verdicts.samples import samples, terms_of

    frame = trials_frame(store, dataclasses.replace(manifest, trials=trials))
    headlines, terms = Headlines.of(manifest), terms_of(manifest)
    found = samples(frame, headlines=headlines, terms=terms)
    asked: Counter[str] = Counter()
    open_: Counter[str] = Counter()
    for sample, _, _, told in decisions(found, watched=True):
        if told is not None:
            asked[sample.problem] += 1
            open_[sample.problem] += not told.decided
    seeds = manifest.evaluation_seeds
    claims = open_questions(decided(store, manifest))
    return Standing(
        manifest.until.rounds,
        seeds,
        {problem: asked[problem] for problem in seeds},
        {problem: open_[problem] for problem in seeds},
        {problem: claims[problem] for problem in seeds},
    )


def grown(experiment: Experiment, manifest: Manifest, store: Store, ready: Ready) -> Manifest:
    """`manifest` with all trials that follow from what is stored.

    `ready` gives the keys of those trials that need no more training: nothing follows while some
    do. The manifest itself is returned where nothing more follows.
    """
    while ready(manifest.trials) >= {trial.key for trial in manifest.trials}:
        more = _following(experiment, manifest, store)
        if not more:
            break
        manifest = manifests.of(experiment, manifest.plan + more)
    return manifest


def _following(experiment: Experiment, manifest: Manifest, store: Store) -> Sequence[Trial]:
    """The trials that follow once all of `manifest` are stored; none at the end."""
    from bench.tables.winners import winners

    trials, tuning = manifest.trials, experiment.tuning
    if tuning is not None and manifest.tuned:
        criteria = {name: manifest.criterion_of(name) for name in manifest.problems}
        chosen = winners(store, trials, criteria, manifest.targets, manifest.columns)
        seeds = planning.first_seeds(experiment)
        return planning.evaluation(experiment, chosen.values(), seeds, len(trials))
    now = standing(store, manifest)
    if now is None or not now.open:
        return ()
    # What is open has been so in every round: all have the same seeds.
    count = now.seeds[now.open[0]]
    seeds = experiment.seeds[count : next(n for n in now.rounds if n > count)]
    judged = [t for t in manifest.evaluation if t.problem_name in now.open]
    return planning.evaluation(experiment, judged, seeds, len(trials))


def later(experiment: Experiment, manifest: Manifest, *, complete: bool) -> Later:
    """What may follow `manifest`; nothing does if its trials are `complete`, that is stored."""
    if complete:
        return Later()
    seeds = len(planning.first_seeds(experiment)), len(experiment.seeds)
    if experiment.tuning and manifest.tuned:
        rows = (t for t in manifest.trials if t.problem_name not in manifest.fixed)
        done = 0
    elif experiment.until:
        counts = manifest.evaluation_seeds
        done = max(counts.values(), default=0)
        rows = (t for t in manifest.evaluation if counts[t.problem_name] == done)
        seeds = done, seeds[1]
    else:
        return Later()
    each = {(t.problem_name, t.optimizer): t for t in rows}
    least, most = ((n - done) * len(each) for n in seeds)
    cost = sum(stacking.side_by_side(trial, seeds[1] - done) for trial in each.values())
    return Later(least, most, cost)
