"""Run untrusted programs, and trust only results that they cannot forge.

Takes programs (source and tests) and yields verdicts; writes no files. Tests and program run in separate processes. A judge
process holds the tests; when a test calls one of the program's functions, the call is sent as plain text to a candidate,
a separate process behind its own walls, which returns a plain value. To pass, a program must therefore return the values
that the tests expect, without being able to read them.

A zygote, started once with Python's common modules imported, forks a fresh candidate for every program and a fresh
judge for every problem; programs with the same tests share a judge. The package ``inside`` contains everything that
runs in the jail. A wall is one isolation mechanism: a namespace, Landlock, seccomp, a kernel limit.

Attacks covered on Linux, in the tiers ``jailed`` (namespaces, seccomp, Landlock, kernel limits) and ``confined`` (the same
without namespaces, as in most containers): forged passes (exits of every kind, objects that equal everything, patched
built-ins, frames, the garbage collector, forged messages), hanging (loops, sleeps, stops, ignored signals, threads,
crashes), exhausted resources (memory, processes, files, descriptors, output, huge or deeply nested answers) and escape
(network, files, other processes, other users, kernel interfaces). A probe attacks each wall before the first program
runs; if one does not hold, nothing is run. ``tests/sandbox`` contains the attacks that were tried.

Attacks covered in the tier ``weak`` (macOS, or a kernel without Landlock and namespaces), which requires explicit
consent: forged passes, hanging, oversized answers. In this tier, a program can read and write the user's files and use the
network.

Not covered: vulnerabilities in the kernel itself, and timing side channels (caches, shared cores). In the tier
``confined`` a program can find out whether a host file exists and how long it is, but cannot read it. Tests are trusted
to decide the verdict: they run in a judge behind the same walls, so they cannot harm the host, but a hostile test can
report any verdict. A program that shares a process with its tests (``Program.together``, or a program without tests) is
behind the same walls, but could forge its own verdict; such verdicts are marked.
"""

from codeprimer.sandbox.jail import JailError
from codeprimer.sandbox.pool import Sandbox
from codeprimer.sandbox.programs import Limits, Program, Tier, Verdict, VerdictKind

__all__ = ["JailError", "Limits", "Program", "Sandbox", "Tier", "Verdict", "VerdictKind"]
