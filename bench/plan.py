"""What an experiment trains: trials with content keys, and the stacks they train in."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nncore.activations import activations
from nncore.costs import stack_size, step_cost
from nncore.datasets import datasets, digest
from nncore.initializers import initializers
from nncore.losses import losses
from nncore.registry import Entry
from nncore.rules import rules
from nncore.schedules import schedules
from nncore.streams import canonical
from nncore.training import Configuration, Problem, is_random

if TYPE_CHECKING:
    from bench.spec import Experiment

# A stack is what is lost when a worker dies, and what progress counts.
SECONDS = 2.0
STACKS_PER_JOB = 4
# Below this, calls cost more than arithmetic: a lone trial takes twice the time of one of four.
EFFICIENT = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """One problem, one configuration, one seed; `key` names its content, `index` its row."""

    index: int
    problem_name: str
    optimizer: str
    problem: Problem
    configuration: Configuration
    seed: int
    key: str


Stack = tuple[Trial, ...]


def trials(experiment: Experiment) -> tuple[Trial, ...]:
    """Every trial of an experiment, by problem, optimizer, configuration and seed.

    A problem without randomness has one trial per configuration, with the first seed. A trial that
    two optimizers share is there twice, with one key. Of an experiment with tuning, the trials that
    configurations are chosen by.
    """
    tuning = experiment.tuning
    return tuple(_trials(experiment, experiment.seeds if tuning is None else tuning.seeds))


def evaluation(
    experiment: Experiment, chosen: Mapping[tuple[str, str], Trial], first: int
) -> tuple[Trial, ...]:
    """The trials that judge the configurations of the `chosen` trials, by problem and optimizer.

    Numbered from `first`. Problems without randomness have been judged already.
    """
    kept = {where: id(trial.configuration) for where, trial in chosen.items()}
    return tuple(_trials(experiment, experiment.seeds, kept, first))


def _trials(
    experiment: Experiment,
    all_seeds: Sequence[int],
    kept: Mapping[tuple[str, str], int] | None = None,
    first: int = 0,
) -> list[Trial]:
    """The trials of all configurations, or of the `kept` ones alone, numbered from `first`."""
    found: list[Trial] = []
    spaces = [
        (optimizer, set(optimizer.problems), [_configuration(c) for c in optimizer.configurations])
        for optimizer in experiment.optimizers
    ]
    for named in experiment.problems:
        problem, text = named.problem, _problem(named.problem)
        random = is_random(problem)
        if kept is not None and not random:
            continue
        seeds = all_seeds if random else experiment.seeds[:1]
        for optimizer, names, texts in spaces:
            if named.name not in names:
                continue
            for configuration, its_text in zip(optimizer.configurations, texts, strict=True):
                if kept is not None and kept.get((named.name, optimizer.name)) != id(configuration):
                    continue
                begin = _begin(its_text, text)
                for seed in seeds:
                    name = _finish(begin, seed if random else None)
                    found.append(
                        Trial(
                            first + len(found),
                            named.name,
                            optimizer.name,
                            problem,
                            configuration,
                            seed,
                            name,
                        )
                    )
    return found


def key(problem: Problem, configuration: Configuration, seed: int) -> str:
    """The SHA-256 of a trial's canonical JSON: definitions, and digests of the plugins they use.

    Names of a spec are no part of it, nor is the seed where it changes nothing.
    """
    begin = _begin(_configuration(configuration), _problem(problem))
    return _finish(begin, seed if is_random(problem) else None)


def _begin(configuration: str, problem: str) -> Any:
    # The canonical JSON of all three, hashed up to where seeds differ.
    return hashlib.sha256(f'{{"configuration":{configuration},"problem":{problem},"seed":'.encode())


def _finish(begin: Any, seed: int | None) -> str:
    hashed = begin.copy()
    hashed.update(b"null}" if seed is None else b"%d}" % seed)
    return str(hashed.hexdigest())


def _problem(problem: Problem) -> str:
    # All layers that are not activations are built in.
    used: list[Entry] = [activations[layer] for layer in problem.layers if layer in activations]
    used += [datasets[problem.dataset["name"]], initializers[problem.initializer["name"]]]
    fields: dict[str, Any] = dict(vars(problem))
    if content := digest(problem.dataset):
        # A file's content is what is trained on, wherever the file lies.
        kept = {name: value for name, value in problem.dataset.items() if name != "path"}
        fields["dataset"] = {**kept, "content": content}
    return _content(fields, [*used, losses[problem.loss]])


def _configuration(configuration: Configuration) -> str:
    values = {name: float(v) + 0.0 for name, v in configuration.hyperparameters.items()}
    used: list[Entry] = [rules[configuration.rule]]
    if configuration.schedule is not None:
        used.append(schedules[configuration.schedule["name"]])
    return _content({**vars(configuration), "hyperparameters": values}, used)


def _content(fields: Mapping[str, Any], used: Sequence[Entry]) -> str:
    """Fields as JSON without those that are None, so that a new option changes no old key."""
    content = {name: value for name, value in fields.items() if value is not None}
    digests = sorted({entry.digest for entry in used if entry.digest})
    return canonical({**content, "plugins": digests} if digests else content)


def stacks(trials: Sequence[Trial], *, jobs: int, size: int | None = None) -> list[Stack]:
    """Group trials that can train side by side, each key once, longest stack first.

    A stack fits a core's cache and takes about two seconds; it is smaller where `jobs` workers
    would be idle otherwise, but never so small that calls outweigh arithmetic. `size` fixes the
    trials of a stack. How trials are grouped changes no result.
    """
    groups: dict[Any, dict[str, Trial]] = {}
    # Trials share their problems and configurations: each is described once.
    problems = {id(p): _problem(p) for p in {id(t.problem): t.problem for t in trials}.values()}
    paths: dict[int, tuple[Any, ...]] = {}
    for trial in trials:
        configuration = trial.configuration
        path = paths.get(id(configuration)) or paths.setdefault(
            id(configuration), _path(configuration)
        )
        group = problems[id(trial.problem)], path
        groups.setdefault(group, {}).setdefault(trial.key, trial)
    together = [tuple(group.values()) for group in groups.values()]
    total = sum(map(seconds, together))
    share = min(SECONDS, total / (STACKS_PER_JOB * max(1, jobs)))
    found = [stack for group in together for stack in _cut(group, size or _size(group, share))]
    return sorted(found, key=lambda stack: (-seconds(stack), stack[0].index))


def _path(configuration: Configuration) -> tuple[Any, ...]:
    """What decides which code a configuration runs through."""
    own = sorted(name for name in configuration.hyperparameters if name.startswith("bias."))
    schedule = configuration.schedule and configuration.schedule["name"]
    clips = configuration.clip_norm is not None, configuration.clip_value is not None
    return configuration.rule, tuple(own), schedule, clips


def _size(group: Stack, share: float) -> int:
    """Trials per stack of about `share` seconds."""
    whole = stack_size(group[0].problem, group[0].configuration.rule)
    each = seconds(group[:1])
    most = min(whole, max(EFFICIENT, int(SECONDS / each)))
    return min(most, max(EFFICIENT, -(-whole // 2), int(share / each)))


def _cut(group: Stack, size: int) -> list[Stack]:
    """Cut into equal parts of at most `size`, one trial more or less."""
    parts = -(-len(group) // max(1, size))
    ends = [len(group) * part // parts for part in range(parts + 1)]
    return [group[a:b] for a, b in itertools.pairwise(ends)]


def seconds(stack: Stack) -> float:
    """About how long `stack` trains; only relations between stacks are to be relied on."""
    problem = stack[0].problem
    return len(stack) * problem.epochs * step_cost(problem, stack[0].configuration.rule)


def estimate(stacks: Sequence[Stack], jobs: int) -> float:
    """About how many seconds `stacks` take on `jobs` workers, each taking the next when free."""
    free = [0.0] * max(1, jobs)
    for stack in stacks:
        heapq.heappush(free, heapq.heappop(free) + seconds(stack))
    return max(free)
