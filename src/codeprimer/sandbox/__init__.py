"""Run programs that nobody has read, and believe only what cannot be forged.

Reads programs (source and tests), writes nothing. One idea: the tests and the program never share a process. A judge
holds the tests; where they call a function of the program, the call goes as plain text to a candidate, another process
behind walls of its own, and a plain value comes back. So a program that wants to pass must return what the tests
expect, and it does not know what that is.

A zygote, started once with Python's common modules imported, forks a fresh candidate for every program and a fresh
judge for every problem; programs that share their tests share the judge. What runs in the jail lies in ``inside``.

Covered on Linux, in the tiers ``jailed`` (namespaces, seccomp, Landlock, kernel limits) and ``confined`` (the same
without namespaces, as in most containers): forged passes (exits in every spelling, objects that equal everything,
patched built-ins, frames, the garbage collector, forged messages), liveness (loops, sleeps, stops, ignored signals,
threads, crashes), resources (memory, processes, files, descriptors, output, enormous or deep answers) and escape
(network, files, other processes, other users, kernel interfaces). Each wall is tried by a probe before the first
program runs; where one does not hold, nothing is run. ``tests/sandbox`` has the programs that were tried.

Covered in the tier ``weak`` (macOS, or a kernel without Landlock and namespaces), which must be asked for: forged
passes, liveness, values. A program there can read and write the user's files and use the network.

Not covered: holes in the kernel itself, and what processes learn from time (caches, shared cores). In the tier
``confined`` a program can see that a file of the host is there, and how long it is, but not what is in it. Tests are believed:
they run in a judge behind the same walls, so they can do no harm outside, but they decide. A program that runs together
with its tests (``Program.together``, or one without tests) is behind the same walls, but could forge its own verdict,
which is marked.
"""

from codeprimer.sandbox.jail import JailError
from codeprimer.sandbox.pool import Sandbox
from codeprimer.sandbox.programs import Limits, Program, Tier, Verdict, VerdictKind

__all__ = ["JailError", "Limits", "Program", "Sandbox", "Tier", "Verdict", "VerdictKind"]
