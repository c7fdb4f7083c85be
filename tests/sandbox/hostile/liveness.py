"""Programs that do not end, end too early, or try to take others with them."""

# ruff: noqa: E501 - a program is easier to read in one piece

from __future__ import annotations

from tests.sandbox.hostile.forged import in_the_call
from tests.sandbox.hostile.programs import Hostile, hostile

from codeprimer.sandbox import VerdictKind

COMPUTING = {
    "a loop": "while True: pass",
    "a loop in a generator": "for _ in iter(int, 1): pass",
    "a loop in C": "import itertools; sum(itertools.repeat(1))",
    "catching everything": "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "ignoring every signal": (
        "import signal\nfor number in range(1, 65):\n  try: signal.signal(number, signal.SIG_IGN)\n"
        "  except (OSError, ValueError): pass\nwhile True: pass"
    ),
    "blocking every signal": (
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass"
    ),
    "a catastrophic expression": "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')",
    "a catastrophic substitution": "import re; re.sub(r'(.*)*x', '', 'y' * 10_000)",
    "a huge power": "x = 7 ** 10 ** 9",
    "a huge power of a power": "x = pow(3, 10 ** 8) % 7",
    "a huge factorial": "import math; math.factorial(10 ** 7)",
    "threads that compute": (
        "import threading\ndef work():\n  while True: pass\n"
        "for _ in range(4): threading.Thread(target=work).start()\nwhile True: pass"
    ),
    "an endless repr": "class Endless:\n  def __repr__(self):\n    while True: pass\nrepr(Endless())",
    "an endless message": ("class Endless(Exception):\n  def __str__(self):\n    while True: pass\nraise Endless"),
    "an endless finaliser": "class Endless:\n  def __del__(self):\n    while True: pass\nEndless()",
    "an endless handler": "import sys\ndef hook(*_):\n  while True: pass\nsys.settrace(hook); (lambda: 0)()",
}

WAITING = {
    "sleep": "import time; time.sleep(60)",
    "sleep without a signal": "import select; select.select([], [], [], 60)",
    "a lock taken twice": "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()",
    "a queue that stays empty": "import queue; queue.Queue().get()",
    "a pipe that stays empty": "import os; r, w = os.pipe(); os.read(r, 1)",
    "a pipe that stays full": "import os; r, w = os.pipe()\nwhile True: os.write(w, bytes(65536))",
    "a pause for a signal": "import signal; signal.pause()",
    "the message that does not come": "import os\nfor n in range(3, 32):\n  try: os.read(n, 1)\n  except OSError: pass",
    "threads that wait for each other": (
        "import threading, time\nthread = threading.Thread(target=time.sleep, args=(60,)); thread.start(); thread.join()"
    ),
    "an event loop": "import asyncio; asyncio.run(asyncio.sleep(60))",
    "stopping itself again and again": "import os, time\nwhile True: os.kill(os.getpid(), 19); time.sleep(0.01)",
}

CRASHES = {
    "a null pointer": "import ctypes; ctypes.string_at(0)",
    "a jump to nowhere": "import ctypes; ctypes.CFUNCTYPE(None)(1)()",
    "abort": "import os; os.abort()",
    "a forged object": "import ctypes; ctypes.cast(0x1000, ctypes.py_object).value",
    "a code object of nonsense": (
        "code = (lambda: 0).__code__\nexec(code.replace(co_code=bytes([100, 255] * 20), co_stacksize=1))"
    ),
    "fatal error": "import ctypes; ctypes.pythonapi.Py_FatalError(b'end')",
    "a wild write": "import ctypes; ctypes.memset(id(None), 255, 4096); print(None)",
}

LOUD_ENDS = {
    "deep recursion": "def f(): return f()\nf()",
    "deep recursion without a limit": "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(): return f()\nf()",
    "deep recursion in C": (
        "import sys; sys.setrecursionlimit(10 ** 9)\nclass A:\n  def __repr__(self): return repr([self])\nrepr(A())"
    ),
    "a deep attribute": "import sys; sys.setrecursionlimit(10 ** 9)\nclass A:\n  def __getattr__(self, n): return getattr(self, n)\nA().x",
    "closing all descriptors": "import os; os.closerange(0, 2 ** 16)",
    "closing all descriptors and going on": "import os; os.closerange(0, 2 ** 16)\nwhile True: pass",
    "closing all descriptors and sleeping": "import os, time; os.closerange(0, 2 ** 16); time.sleep(60)",
    "killing itself": "import os; os.kill(os.getpid(), 9)",
    "a fault signal for itself": "import signal; signal.raise_signal(signal.SIGSEGV)",
    "an alarm": "import signal, time; signal.alarm(1); signal.setitimer(0, 0.05); time.sleep(60)",
    "a processor alarm": "import signal\nsignal.setitimer(signal.ITIMER_PROF, 0.05)\nwhile True: pass",
    "a background thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nraise ValueError"
    ),
}

OFFSPRING = {
    "a child that sleeps": "import os, time\nif os.fork() == 0: time.sleep(60)",
    "a child that computes": "import os\nif os.fork() == 0:\n  while True: pass",
    "a grandchild that holds the output": "import os, time\nif os.fork() == 0:\n  if os.fork() == 0: time.sleep(60)\n  os._exit(0)",
    "a daemon": (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.closerange(0, 64); time.sleep(60)\n  os._exit(0)"
    ),
    "a daemon that ignores everything": (
        "import os, signal, time\nif os.fork() == 0:\n  os.setsid()\n  for n in range(1, 65):\n"
        "    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass\n"
        "  if os.fork() == 0: time.sleep(60)\n  os._exit(0)"
    ),
    "a daemon of another program": (
        "import os, sys\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '60'])\n  os._exit(0)"
    ),
    "a new session": "import os, time; os.setsid(); time.sleep(60)",
    "a new group": "import os, time; os.setpgid(0, 0); time.sleep(60)",
    "a process pool": "import multiprocessing; multiprocessing.Pool(2).map(len, [[1]])",
    "a stopped child": "import os, time\npid = os.fork()\nif pid == 0: time.sleep(60)\nos.kill(pid, 19)",
    "a family that outlives its father": (
        "import os, time\nfor _ in range(3):\n  if os.fork() == 0:\n    time.sleep(60)\nos._exit(0)"
    ),
}

_ATTACK = """
import os, signal
def strike(pid, number=signal.SIGKILL):
    # Only where the jail lets it through at all: a broken jail shall fail this test, not end the session of its user.
    os.kill(pid, 0)
    os.kill(pid, number) if pid > 0 else os._exit(3)
"""

ATTACKS = {
    "killing the parent": "strike(os.getppid())",
    "stopping the parent": "strike(os.getppid(), signal.SIGSTOP)",
    "killing everyone": "strike(-1)",
    "killing the group of nobody": "strike(0)",
    "killing the first process": "os.kill(1, 0); raise KeyError(1)",
    "killing the neighbours": (
        "reached = 0\nfor pid in range(2, 5000):\n  if pid != os.getpid():\n    try: os.kill(pid, 0); reached += 1\n"
        "    except OSError: pass\nif reached: os._exit(3)"
    ),
    "killing the parent's group": "os.killpg(os.getpgid(os.getppid()), 0); os._exit(3)",
    "killing through libc": "import ctypes\nif ctypes.CDLL(None).kill(os.getppid(), 0) == 0: os._exit(3)",
}
"""Signals that must not reach any other process."""

BLOWS = {
    "killing the zygote": "import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)",
    "stopping the zygote": "import os, signal, time; os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)",
    "terminating the zygote": "import os, signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(60)",
}
"""Signals that do reach the zygote if no wall protects it."""

FAMILIES: dict[str, list[Hostile]] = {
    "computing": hostile("timed_out", COMPUTING | {"a loop, when called": "def answer(values):\n  while True: pass"}),
    "waiting": hostile(
        "timed_out killed raised",
        WAITING | {"sleep, when called": "def answer(values):\n  import time; time.sleep(60)"},
    ),
    "crashes": hostile("killed raised failed", CRASHES | in_the_call(CRASHES)),
    "loud ends": hostile("killed raised failed timed_out out_of_memory", LOUD_ENDS | in_the_call(LOUD_ENDS)),
    "offspring": hostile("raised killed failed timed_out", OFFSPRING),
}

SIGNALS_OTHERS = [
    Hostile(each.name, each.program, frozenset({VerdictKind.raised}))
    for each in hostile("raised", ATTACKS, preamble=_ATTACK)
]

REACHES_THE_ZYGOTE = hostile("timed_out killed raised", BLOWS)
