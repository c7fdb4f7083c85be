"""Run untrusted programs, and believe only results that they cannot forge.

Takes programs (source and tests) and yields verdicts; writes no files. Tests and program never share a process. A judge
process holds the tests; when a test calls a function of the program, the call crosses as plain text to a candidate, a
separate process behind walls of its own, and a plain value comes back. To pass, a program must therefore return what
the tests expect, without being able to read what that is.

A zygote, started once with Python's common modules imported, forks a fresh candidate for every program and a fresh
judge for every problem; programs with the same tests share the judge. The package ``inside`` holds everything that runs
in the jail. A wall is one isolation mechanism: a namespace, Landlock, seccomp, a kernel limit.

Covered on Linux, in the tiers ``jailed`` (namespaces, seccomp, Landlock, kernel limits) and ``confined`` (the same
without namespaces, as in most containers): forged passes (exits of every kind, objects that equal everything, patched
built-ins, frames, the garbage collector, forged messages), liveness (loops, sleeps, stops, ignored signals, threads,
crashes), resources (memory, processes, files, descriptors, output, huge or deeply nested answers) and escape (network,
files, other processes, other users, kernel interfaces). A probe attacks each wall before the first program runs; if one
does not hold, nothing is run. ``tests/sandbox`` holds the programs that were tried.

Covered in the tier ``weak`` (macOS, or a kernel without Landlock and namespaces), which requires explicit consent:
forged passes, liveness, values. There, a program can read and write the user's files and use the network.

Not covered: holes in the kernel itself, and timing side channels (caches, shared cores). In the tier ``confined`` a
program can see that a file of the host exists, and its length, but not its content. Tests are trusted to decide: they
run in a judge behind the same walls, so they cannot harm the host, but their word is the verdict. A program that shares
a process with its tests (``Program.together``, or a program without tests) is behind the same walls, but could forge
its own verdict; such verdicts are marked.
"""

from codeprimer.sandbox.jail import JailError
from codeprimer.sandbox.pool import Sandbox
from codeprimer.sandbox.programs import Limits, Program, Tier, Verdict, VerdictKind

__all__ = ["JailError", "Limits", "Program", "Sandbox", "Tier", "Verdict", "VerdictKind"]
