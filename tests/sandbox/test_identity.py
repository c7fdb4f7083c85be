"""What is one object stays one on its way to a program and back, and a name is what the program made of it.

Each pair is judged as a plain Python would judge it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sandbox.watch import SHORT

from codeprimer.sandbox import Limits, Program, Sandbox, Tier, VerdictKind

PASSED, FAILED, RAISED, REFUSED = VerdictKind.passed, VerdictKind.failed, VerdictKind.raised, VerdictKind.refused

REVERSE = "def f(v): v.reverse()"
CLONE = "def f(m): return m"
COUNTER = "class C:\n    def __init__(self): self._number = 99\n    def __len__(self): return 5\ndef f(): return C()"

CASES: list[tuple[str, str, VerdictKind]] = [
    (REVERSE, "rows = [[1], [2], [3]]; before = rows[:]; f(rows); assert rows == before", FAILED),
    (REVERSE, "rows = [[1], [2], [3]]; before = rows[:]; f(rows); assert rows == before[::-1]", PASSED),
    (REVERSE, "a = [1]; rows = [a, [2]]; f(rows); assert rows[1] is a and a == [1]", PASSED),
    ("def f(g): g[0] = [1]", "g = [[0]] * 2; f(g); assert g == [[0], [0]]", FAILED),
    ("def f(g): g[0] = [1]", "g = [[0]] * 2; f(g); assert g == [[1], [0]]", PASSED),
    ("def f(g): g[0].append(1)", "g = [[0]] * 2; f(g); assert g == [[0, 1], [0, 1]]", PASSED),
    ("def f(v): v[0][1].append(3)", "i = [2]; v = [(1, i)]; f(v); assert i == [2, 3]", PASSED),
    ("def f(d): d['a'] = d.pop('b')", "x = [1]; d = {'b': x}; f(d); assert d == {'a': [1]} and d['a'] is x", PASSED),
    ("def f(v): v.clear(); v.extend([[1], [1]])", "v = [[1]]; f(v); v[0].append(2); assert v == [[1, 2], [1]]", PASSED),
    (CLONE, "m = [[1]]; r = f(m); r[0].append(2); assert m == [[1]]", FAILED),
    (CLONE, "m = [1]; assert f(m) is not m", FAILED),
    ("def f(m): return [list(one) for one in m]", "m = [[1]]; r = f(m); r[0].append(2); assert m == [[1]]", PASSED),
    ("def f(m): return list(m)", "m = [[1]]; r = f(m); r[0].append(2); assert m == [[1]]", FAILED),
    ("def f(v): v.sort(); return v", "v = [2, 1]; r = f(v); assert r is v and r == [1, 2]; r.append(9); assert v == [1, 2, 9]", PASSED),  # noqa: E501
    ("def f(v): v[0] = list(v[0])", "a = [1]; v = [a]; f(v); assert v[0] is a", FAILED),
    ("def f(v): v.append(v)", "v = [1]; f(v); assert v", REFUSED),
    ("def f(x): return x", "f(1); assert LIMIT", RAISED),
    ("def f(x): return x", "f(1); assert LIMIT != 5", RAISED),
    ("def f(x): return x", "f(1); assert g is not None", RAISED),
    ("def f(x): return x", "f(1); assert callable(g)", RAISED),
    ("LIMIT = 5\ndef f(x): return x", "assert f(1) == 1 and LIMIT == 5", PASSED),
    ("LIMIT = 4\ndef f(x): return x", "assert f(1) == 1 and LIMIT == 5", FAILED),
    ("def g(x): return x + 1\ndef f(x): return x", "assert f(1) == 1 and g(1) == 2 and callable(g)", PASSED),
    ("LIMIT = 5\ndef f(x): return x", "assert LIMIT == 5", VerdictKind.never_called),
    ("def f(x): return x", "assert f(1) == 1 and f != 3", REFUSED),
    ("import functools\n@functools.cache\ndef f(x): return x", "f(1); f.cache_clear(); assert f(1) == 1", REFUSED),
    (COUNTER, "c = f(); assert c._number == 0", FAILED),
    (COUNTER, "c = f(); assert c._number == 99", PASSED),
    ('class C:\n    "doc"\ndef f(): return C()', "assert f().__doc__ == 'doc'", PASSED),
    (COUNTER, "assert len(f()) == 5", REFUSED),
    ("class C:\n    def __init__(self): self.x = 1\ndef f(): return C()", "c = f()\ndel c.x", REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("source", "test", "kind"), CASES, ids=range(len(CASES)))
def test_what_is_one_object_stays_one(source: str, test: str, kind: VerdictKind, sandbox: Sandbox) -> None:
    [verdict] = sandbox.run([Program(source, (test,), entry_point="f")], SHORT)
    assert verdict.kind is kind, verdict


def test_the_setup_may_call_the_program(sandbox: Sandbox) -> None:
    for answer, kind in ((1, PASSED), (2, FAILED)):
        program = Program(f"def f(x): return {answer}", ("check()",), "def check(): assert f(1) == 1", "f")
        [verdict] = sandbox.run([program], SHORT)
        assert verdict.kind is kind, verdict


STALE = [
    "import time\nassert f(0) == 1\ntime.sleep(.01)\ntime.sleep = f\nassert f(1) == 2",
    "import math\nmath.kept = getattr(math, 'kept', [])\nmath.kept.append(f)\nf(0)\nfor g in math.kept: assert g(1) == 2",
]


@pytest.mark.parametrize("test", STALE, ids=["replaced", "kept"])
def test_what_an_earlier_program_left_in_the_tests_never_passes_a_later_one(test: str, sandbox: Sandbox) -> None:
    right, wrong = (Program(f"def f(x): return {body}", (test,), entry_point="f") for body in ("x + 1", "1"))
    first, second = sandbox.run([right, wrong], SHORT)
    assert first.kind is PASSED
    assert second.kind is not PASSED


FORGED = ['b"{]"', 'b\'["great",""]\'', 'b\'["passed",""]\' * 1', 'b"[1,2,3]"', "b'[\"passed\",7]'"]


@pytest.mark.parametrize("said", [*FORGED, "LONG"])
def test_tests_that_write_on_their_judges_channel_cost_their_own_verdict_only(said: str, sandbox: Sandbox) -> None:
    frame = (
        f"content = {said}\nframe = len(content).to_bytes(4, 'big') + content"
        if said != "LONG"
        else ("frame = b'\\xff\\xff\\xff\\xf0' + b' ' * 70_000_000")
    )
    test = (
        f"import os\nassert f() == 1\n{frame}\nfor n in range(3, 20):\n    try:\n"
        "        for _ in range(5): os.write(n, frame)\n    except OSError: pass\nassert f() == 2"
    )
    good = Program("def f(): return 1", ("assert f() == 1",), entry_point="f")
    verdicts = list(sandbox.run([good, Program(good.source, (test,), entry_point="f"), good, good], SHORT))
    assert [verdict.kind for verdict in (verdicts[0], *verdicts[2:])] == [PASSED] * 3
    if "passed" not in said or "7" in said:
        assert verdicts[1].kind is not PASSED


def test_a_file_that_may_be_read_is_not_emptied_by_opening_it(sandbox: Sandbox) -> None:
    if sandbox.tier is Tier.weak:
        return  # it has no filter of system calls
    source = (
        "import os\ndef f():\n    try:\n        os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)\n"
        "    except OSError as error:\n        return error.errno\n"
    )
    [verdict] = sandbox.run([Program(source, ("assert f() == 1",), entry_point="f")], SHORT)
    assert verdict.kind is PASSED, verdict


def test_a_real_time_signal_is_told_by_its_number(sandbox: Sandbox) -> None:
    [verdict] = sandbox.run([Program("import os\ndef f(): os.kill(os.getpid(), 40)", ("f()",))], SHORT)
    if sandbox.tier is Tier.jailed:
        assert verdict.kind is PASSED  # there, it is the first process of its world, which no such signal ends
    else:
        assert (verdict.kind, verdict.detail) == (VerdictKind.killed, "by signal 40")


SHOWN = [
    ("assert f(5) != 5", ""),
    ("assert f(7) < 5", ""),
    ("assert 7 == f(6)", "got 6, expected 7"),
    ("for n in (1, 2):\n    x = f(n)\n    assert x == 5 if n == 2 else x == 1", ""),
    ("assert [f(1)] == [2]", "got [1], expected [2]"),
]


@pytest.mark.parametrize(("test", "sides"), SHOWN)
def test_only_what_was_to_be_equal_is_shown_as_got_and_expected(test: str, sides: str, sandbox: Sandbox) -> None:
    [verdict] = sandbox.run([Program("def f(x): return x", (test,))], SHORT)
    assert verdict.kind is FAILED
    assert verdict.detail.partition(" | ")[2] == sides


def test_a_slow_test_fails_as_fast_as_before(sandbox: Sandbox) -> None:
    assert sandbox.tier  # it is open
    # A slow machine gets more time; here the clock alone decides.
    limits = replace(SHORT, wall_seconds=1.2 / sandbox._pool[0].jail.time_factor)
    [verdict] = sandbox.run([Program("def f(): return 1", ("import time\ntime.sleep(0.7)\nassert f() == 2",))], limits)
    assert verdict.kind is FAILED
    assert "assert f() == 2" in verdict.detail


LEFT = {
    "an attribute of a module": (
        "import string\nassert string.digits == '0123456789'\nstring.digits = ''\n"
        "assert f(1) == 2\nstring.digits = '0123456789'"
    ),
    "a module's state": (
        "from decimal import getcontext, setcontext, Context\nassert getcontext().prec == 28\n"
        "setcontext(Context(prec=5))\nassert f(1) == 2\nsetcontext(Context(prec=28))"
    ),
    "the environment": "import os\nassert not os.environ\nos.environ['A'] = 'b'\nassert f(1) == 2\nos.environ.clear()",
    "the interpreter": (
        "import sys\nassert sys.getrecursionlimit() == 1000\nsys.setrecursionlimit(900)\n"
        "assert f(1) == 2\nsys.setrecursionlimit(1000)"
    ),
    "a built-in function": "def g(): return abs(-1)\nassert g() == 1\nsetattr(__builtins__, 'abs', f)\nassert f(1) == 2",
}


@pytest.mark.parametrize("in_setup", [False, True], ids=["in a test", "in the setup"])
@pytest.mark.parametrize("test", LEFT.values(), ids=LEFT)
def test_what_tests_leave_behind_when_a_program_fails_costs_no_other_program_anything(
    test: str, in_setup: bool, sandbox: Sandbox
) -> None:
    tests, setup = (("check()",), "def check():\n  " + test.replace("\n", "\n  ")) if in_setup else ((test,), "")
    right, wrong = (Program(f"def f(x): return {body}", tests, setup, "f") for body in ("x + 1", "1"))
    verdicts = list(sandbox.run([wrong, right, right, wrong, wrong, right], SHORT))
    assert [verdict.kind for verdict in verdicts] == [FAILED, PASSED, PASSED, FAILED, FAILED, PASSED]


def test_tests_may_ask_from_several_threads(sandbox: Sandbox) -> None:
    test = (
        "import threading\nseen = []\n"
        "threads = [threading.Thread(target=lambda n=n: seen.append(f(n))) for n in range(6)]\n"
        "for one in threads: one.start()\nfor one in threads: one.join()\n"
        "assert sorted(seen) == list(range(1, 7)), seen"
    )
    right, wrong = (Program(f"def f(x): return {body}", (test,), entry_point="f") for body in ("x + 1", "x"))
    # Each thread reserves address space for its stack and for what it allocates.
    verdicts = list(sandbox.run([right, wrong, right], Limits(memory_bytes=2**32)))
    assert [verdict.kind for verdict in verdicts] == [PASSED, FAILED, PASSED], verdicts
