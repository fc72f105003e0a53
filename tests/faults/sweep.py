"""A run as the command line does it, on tasks of its own: to be killed from outside.

    python -m tests.faults.sweep FOLDER JOBS TRIALS SECONDS [DEED NUMBER]...

prints a line per stored trial, after it is stored.
"""

import sys

from bench.run import runner
from bench.store.store import Store
from tests.faults import tasks

SIZE = 4


def main(folder, jobs, count, seconds, *deeds):
    special = dict(zip(map(int, deeds[1::2]), deeds[::2], strict=True))
    trials = [tasks.trial(n, special.get(n, "slow"), seconds) for n in range(int(count))]
    with Store.open(folder) as store:
        print("done", len(store), flush=True)
        todo = [t for t in trials if t.key not in store.done()]

        def keep(result):
            store.add(result)
            for key in result.keys:
                print(key, flush=True)

        stacks = [tuple(todo[n : n + SIZE]) for n in range(0, len(todo), SIZE)]
        try:
            runner.run(stacks, on_result=keep, jobs=int(jobs), task=tasks.task)
        except runner.Interrupted as interrupted:
            return interrupted.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
