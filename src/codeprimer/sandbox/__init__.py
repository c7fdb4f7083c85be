"""Run programs that nobody has read: time, memory and files are limited, and only a verdict comes back.

Reads programs (source and tests), writes nothing. One idea: a zygote process, started once with the common modules
imported, forks a fresh child for every program, so that no program meets another and a start costs about a
millisecond.

Covered: endless loops, sleeps, memory bombs, written files, output, crashes, exits in every spelling, background
threads, orphaned grandchildren, a caller that is killed. A verdict comes over a pipe behind a nonce; an exit without
one never passes.

Not covered yet: **this is not a security boundary**. A program runs as the same user with the network and the file
system in reach, shares its process with the tests (an object that equals everything passes them; a walk through the
frames finds the nonce), and can signal other processes of the user. As root, the number of processes is not limited.
On macOS an orphan that has left its session is not found, and the system may refuse the limit on memory.
"""

from codeprimer.sandbox.pool import Sandbox
from codeprimer.sandbox.programs import Limits, Program, Verdict, VerdictKind

__all__ = ["Limits", "Program", "Sandbox", "Verdict", "VerdictKind"]
