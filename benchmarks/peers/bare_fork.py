"""Measures the minimum cost of a separate process: ``python bare_fork.py FOLDER COUNT``, with the zygote's own Python.

FOLDER holds the sandbox's package ``inside``; its zygote is imported, with everything that it preloads, but not started.
Prints the wall-clock and CPU time of os.fork, os._exit and os.waitpid together, as JSON [ms].
"""

import gc
import json
import os
import resource
import sys
import time


def processor_seconds() -> float:
    """Return the CPU time of this process and of the children that it has reaped [s]."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def fork(count: int) -> None:
    """Fork and reap children that end at once."""
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)


def main() -> None:
    """Import the zygote, freeze as it does, and fork."""
    folder, count = sys.argv[1], int(sys.argv[2])
    sys.path.insert(0, folder)
    __import__("inside.zygote")
    gc.collect()
    gc.disable()
    gc.freeze()
    fork(count // 10)
    started, used = time.perf_counter(), processor_seconds()
    fork(count)
    wall, processor = time.perf_counter() - started, processor_seconds() - used
    print(json.dumps({"wall_ms": 1000 * wall / count, "processor_ms": 1000 * processor / count}))


if __name__ == "__main__":
    main()
