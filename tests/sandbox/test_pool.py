"""The pool of workers: order, loss, leaks, and callers and zygotes that are killed."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sandbox.hostile.liveness import REACHES_THE_ZYGOTE
from tests.sandbox.hostile.programs import GOOD, unexpected
from tests.sandbox.watch import (
    LIMITS,
    SHORT,
    descendants,
    descriptors,
    is_idle,
    marked,
    need,
    processes,
    wait_until,
    watched,
    zygotes,
)

from codeprimer.sandbox import Limits, Program, Sandbox, Tier, VerdictKind, jail, pool, worker

LOOP = Program("def double(x):\n    while True: pass", GOOD.tests)
WAIT = Program("def double(x):\n    import time; time.sleep(60)", GOOD.tests)
WRONG = Program("def double(x):\n    return x", GOOD.tests)


def kinds(sandbox: Sandbox, *programs: Program, limits: Limits | None = None) -> list[str]:
    return [verdict.kind.value for verdict in sandbox.run(programs, limits)]


def test_verdicts_come_in_the_order_of_the_programs_even_if_some_are_slow(sandbox: Sandbox) -> None:
    programs, expected = [], []
    for index in range(60):
        pause = 0.1 if index % 10 == 0 else 0
        source = f"import time\ndef f():\n  time.sleep({pause})\n  return {index}"
        programs.append(Program(source, (f"assert f() == {index if index % 3 else -1}",)))
        expected.append("passed" if index % 3 else "failed")
    assert kinds(sandbox, *programs) == expected


def test_every_verdict_says_the_tier_of_its_jail(sandbox: Sandbox) -> None:
    programs = [GOOD, WRONG, Program("1 / 0", GOOD.tests), Program("x = 1")]
    assert [verdict.tier for verdict in sandbox.run(programs)] == [sandbox.tier] * 4
    [verdict] = sandbox.run([Program("#" * 2**21, GOOD.tests)])
    assert (verdict.kind, verdict.tier) == (VerdictKind.refused, Tier.none)


def test_programs_that_share_tests_share_a_judge_and_see_no_state_of_each_other(sandbox: Sandbox) -> None:
    source = """
import builtins, collections, math, os, sys
def f():
    seen = [name for module in (builtins, math, os, sys, collections) for name in dir(module) if name == 'mark']
    seen += [name for name in os.environ if name == 'MARK']
    for module in (builtins, math, os, sys, collections): module.mark = 1
    os.environ['MARK'] = '1'
    sys.modules['marked'] = math
    return seen
"""
    tests = ("assert f() == []", "assert len(f()) == 6")
    assert kinds(sandbox, *[Program(source, tests)] * 40) == ["passed"] * 40


def test_nothing_that_a_program_stores_outside_its_process_is_found_by_the_next(strong_sandbox: Sandbox) -> None:
    source = """
import ctypes, os
libc = ctypes.CDLL(None)
def f():
    found = 0
    for folder in ('.', '/tmp', '/dev/shm', '/var/tmp'):
        path = folder + '/codeprimer-test-mark'
        found += os.path.lexists(path)
        try: open(path, 'x').close()
        except OSError: pass
    found += libc.shmget(0x5d1f, 8, 0o600) >= 0
    libc.shmget(0x5d1f, 8, 0o1600)
    found += bool(os.listdir('.'))
    return found
"""
    assert kinds(strong_sandbox, *[Program(source, ("assert f() == 0",))] * 4) == ["passed"] * 4


def test_tests_begin_anew_for_each_program_of_their_judge(best_sandbox: Sandbox) -> None:
    tests = (
        "seen = []",
        "def check(f, seen=seen):\n    assert f(2) == 4\n    seen.append(1)\n    assert len(seen) == 1",
        "check(double)",
        "import random\nassert random.random() == random.Random(0).random()",
    )
    assert kinds(best_sandbox, *[Program(GOOD.source, tests)] * 5) == ["passed"] * 5


BAD_TESTS = {
    "loops": (("assert f()", "while f() == 1: pass"), "timed_out"),
    "loops in C": (("assert sum(range(f() * 10 ** 12))",), "timed_out"),
    "sleeps": (("import time\nif f() == 1: time.sleep(60)",), "timed_out"),
    "exhausts memory": (("x = [0] * (f() * 10 ** 10)",), "refused"),
    "exhausts memory bit by bit": (("x = []\nwhile f() == 1: x.append(bytes(2 ** 22))",), "refused timed_out"),
    "leaves": (("import os\nif f() == 1: os._exit(0)",), "refused"),
    "crashes": (("import ctypes\nif f() == 1: ctypes.string_at(0)",), "refused"),
    "catches everything": (("while f() == 1:\n    try: f(); g()\n    except BaseException: pass",), "timed_out raised"),
}


@pytest.mark.parametrize("name", BAD_TESTS)
def test_what_tests_do_to_their_judge_costs_one_program_only(sandbox: Sandbox, name: str) -> None:
    tests, expected = BAD_TESTS[name]
    bad, good = Program("def f(): return 1", tests), Program("def f(): return 0", (*tests, "assert f() == 0"))
    mates = Program("def f(): return 2", (*tests[:-1], tests[-1]))
    found = kinds(sandbox, mates, bad, mates, mates, bad, mates, limits=SHORT)
    assert {found[1], found[4]} <= set(expected.split())
    assert found[0] == found[2] == found[3] == found[5]
    assert found[0] not in ("timed_out", "refused") or name in ("loops in C", "exhausts memory")
    assert kinds(sandbox, good, GOOD)[1] == "passed"


def test_a_long_answer_that_makes_the_tests_loop_costs_its_own_verdict_only(sandbox: Sandbox) -> None:
    tests = ("assert sorted(f())[:1] == [0]",)
    endless = Program("def f(): return range(10 ** 15)", tests)
    good = Program("def f(): return [0]", tests)
    assert kinds(sandbox, good, endless, good, endless, good, limits=SHORT)[::2] == ["passed"] * 3


def test_programs_with_long_answers_do_not_use_up_their_judge(best_sandbox: Sandbox) -> None:
    tests = ("def check(): pass", "assert f() == list(range(500_000))")
    program = Program("def f(): return list(range(500_000))", tests)
    limits = Limits(seconds=5, wall_seconds=20, memory_bytes=LIMITS.memory_bytes)
    assert kinds(best_sandbox, *[program] * 8, limits=limits) == ["passed"] * 8


def test_the_setup_belongs_to_the_judge(sandbox: Sandbox) -> None:
    setup = "def helper(x): return x * 10"
    tests = ("assert f(helper(1)) == helper(1) + 1",)
    good = Program("def f(x): return x + 1", tests, setup=setup)
    redefined = Program("def helper(x): return 0\ndef f(x): return 0 if x == 10 else helper(x)", tests, setup=setup)
    own = Program("def helper(x): return -1\ndef f(x): return helper(x) and 11", tests, setup=setup)
    equal = Program("def helper(x): return f(1)\ndef f(x): return 5", tests, setup=setup)
    assert kinds(sandbox, good, redefined, own, equal) == ["passed", "failed", "passed", "failed"]


def test_a_program_with_the_name_of_a_builtin_is_asked_where_it_is_the_entry_point(sandbox: Sandbox) -> None:
    program = Program("def sum(a, b): return a * b", ("assert sum(3, 4) == 12",), entry_point="sum")
    assert kinds(sandbox, program) == ["passed"]


def test_programs_are_taken_only_as_they_are_needed(sandbox: Sandbox) -> None:
    taken = itertools.count()

    def endless() -> Iterator[Program]:
        while True:
            next(taken)
            yield GOOD

    verdicts = sandbox.run(endless())
    assert all(next(verdicts).passed for _ in range(5))
    verdicts.close()
    assert next(taken) < 200
    assert kinds(sandbox, GOOD) == ["passed"]


def test_a_pause_of_the_caller_after_a_program_that_looped_costs_no_verdict(
    best_sandbox: Sandbox, tmp_path: Path
) -> None:
    def slowly() -> Iterator[Program]:
        yield LOOP
        time.sleep(2)  # longer than the zygote waits for a judge whose candidate has timed out
        yield GOOD
        yield GOOD

    with watched(best_sandbox.tier, tmp_path, workers=1) as sandbox:
        verdicts = [verdict.kind.value for verdict in sandbox.run(slowly())]
    assert verdicts == ["timed_out", "passed", "passed"]


def test_a_pause_of_the_caller_while_long_programs_wait_costs_no_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, best_sandbox: Sandbox
) -> None:
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.5)
    long = Program(GOOD.source + "\n" + "# a comment that fills the socket\n" * 20_000, GOOD.tests)
    with watched(best_sandbox.tier, tmp_path, workers=1) as sandbox:
        verdicts = sandbox.run([long] * 6)
        found = [next(verdicts).kind.value]
        time.sleep(LIMITS.wall_seconds * 1.5 + 1.5)
        found += [verdict.kind.value for verdict in verdicts]
        assert found == ["passed"] * 6


def test_the_limits_of_a_call_hold_for_the_same_problem_after_an_abandoned_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, best_sandbox: Sandbox
) -> None:
    monkeypatch.setattr(pool, "QUEUE_LENGTH", 1)
    slow = Program(
        "import time\ndef double(x):\n  end = time.process_time() + 0.5\n"
        "  while time.process_time() < end: pass\n  return 2 * x",
        GOOD.tests,
    )
    with watched(best_sandbox.tier, tmp_path, workers=1, limits=SHORT) as sandbox:
        verdicts = sandbox.run(itertools.repeat(GOOD))
        assert next(verdicts).passed
        verdicts.close()
        assert kinds(sandbox, slow, limits=Limits(10, 30)) == ["passed"]


def test_a_caller_with_many_open_descriptors_gets_its_verdicts(best_sandbox: Sandbox) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2_000:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    held = [os.dup(0) for _ in range(1_100)]
    try:
        with Sandbox(LIMITS, workers=1, tier=best_sandbox.tier) as sandbox:
            assert kinds(sandbox, GOOD) == ["passed"]
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_programs_leave_no_descriptor_and_no_process(sandbox: Sandbox) -> None:
    _run_many(sandbox, 1_000 if sandbox.tier is Tier.jailed else 300)


@pytest.mark.slow
def test_a_hundred_thousand_programs_leave_no_descriptor_and_no_process(best_sandbox: Sandbox) -> None:
    _run_many(best_sandbox, 100_000)


MEMORY_GROWTH_BYTES = 4 * 2**20


def resident_bytes(sandbox: Sandbox) -> dict[int, int]:
    """Return the resident memory of this process, the zygotes and their watching parents [bytes]."""
    watching = zygotes(sandbox)
    found = {}
    for pid in {os.getpid()} | watching | {each.number for each in processes().values() if each.parent in watching}:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        found[pid] = pages * resource.getpagesize()
    return found


def _run_many(sandbox: Sandbox, count: int) -> None:
    list(sandbox.run([GOOD] * 40))
    before = descriptors()
    programs = (GOOD if index % 50 else WRONG for index in range(count))
    early: dict[int, int] = {}
    wrong = 0
    for index, verdict in enumerate(sandbox.run(programs)):
        wrong += verdict.passed != (index % 50 != 0)
        if index == count // 10:
            early = resident_bytes(sandbox)
    assert not wrong
    assert index == count - 1
    late = resident_bytes(sandbox)
    grown = {pid: late[pid] - size for pid, size in early.items() if late[pid] > size + MEMORY_GROWTH_BYTES}
    assert early.keys() == late.keys()
    assert not grown, "memory grows with the number of programs"
    # The last judge of each worker may still be exiting.
    assert len(descriptors()) <= len(before) + sandbox.workers
    assert wait_until(lambda: is_idle(sandbox))


@pytest.mark.parametrize("moment", ["idle", "while a program loops", "again and again"])
def test_a_zygote_that_is_killed_loses_no_verdict(sandbox: Sandbox, moment: str) -> None:
    assert kinds(sandbox, GOOD) == ["passed"]
    if moment == "idle":
        for pid in zygotes(sandbox):
            os.kill(pid, signal.SIGKILL)
        assert kinds(sandbox, GOOD, WRONG, GOOD) == ["passed", "failed", "passed"]
        return
    slow = Program(
        "import time\ndef double(x):\n  time.sleep(0.05); return 2 * x",
        ("assert double(2) == 4", "assert double(0) == 0"),
    )
    programs = [slow if index % 3 else WRONG for index in range(30)]
    stop = threading.Event()

    def strike() -> None:
        for _ in range(1 if moment == "while a program loops" else 3):
            if stop.wait(0.3):
                return
            for pid in zygotes(sandbox):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=strike)
    thread.start()
    found = kinds(sandbox, *programs)
    stop.set()
    thread.join()
    # A program whose jail ends repeatedly is given up; none is lost, and none gets another's verdict.
    assert all(kind in ("killed", "passed" if index % 3 else "failed") for index, kind in enumerate(found))
    assert len(found) == 30
    assert found.count("killed") <= (0 if moment == "while a program loops" else 3)
    assert kinds(sandbox, GOOD, GOOD) == ["passed", "passed"]


def test_a_program_that_reaches_the_zygote_harms_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.5)
    with watched(Tier.weak, tmp_path, workers=1, limits=SHORT) as sandbox:
        assert unexpected(sandbox, REACHES_THE_ZYGOTE) == {}
        assert kinds(sandbox, GOOD, Program("x = 1")) == ["passed", "passed"]


STOPPED_AND_ORPHANED = """
import os, signal, time
judges = []
for name in os.listdir('/proc'):
    if not name.isdigit() or int(name) == os.getpid(): continue
    try: parent = open(f'/proc/{name}/stat').read().rpartition(')')[2].split()[1]
    except OSError: continue
    if int(parent) == os.getppid(): judges.append(int(name))
os.kill(os.getppid(), signal.SIGSTOP)
for judge in judges: os.kill(judge, signal.SIGKILL)
time.sleep(60)
"""

CALLER = """
import sys, tempfile
from codeprimer.sandbox import Limits, Program, Sandbox, Tier
tempfile.tempdir, tier, source = sys.argv[1], Tier[sys.argv[2]], sys.argv[3]
with Sandbox(Limits(2, 4), workers=2, tier=tier) as sandbox:
    if source == "never":
        sandbox.tier
        print("ready", flush=True); sys.stdin.read()
    next(sandbox.run([Program("x = 1")]))
    print("ready", flush=True)
    for _ in sandbox.run(Program(source, (f"assert f() == {index}",)) for index in range(1000)): pass
    if source == "x = 1": sys.stdin.read()
"""


def run_caller(*arguments: str) -> subprocess.Popen[str]:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    assert caller.stdout.readline() == "ready\n"
    return caller


def end_caller(caller: subprocess.Popen[str]) -> set[int]:
    """Kill the caller; return the processes that it had started."""
    below = descendants({caller.pid})
    caller.kill()
    caller.communicate()
    return below


COMPUTES = "def f():\n  while True: pass"
CHILDREN = "import os, time\nos.fork() and os.fork()\ntime.sleep(60)"


@pytest.mark.parametrize(
    ("tier", "source", "pause"),
    [
        pytest.param(Tier.jailed, "never", 0.0, id="jailed, before the first program"),
        pytest.param(Tier.jailed, COMPUTES, 0.0, id="jailed, at once"),
        pytest.param(Tier.jailed, COMPUTES, 0.2, id="jailed, while programs compute"),
        pytest.param(Tier.confined, "never", 0.0, id="confined, before the first program"),
        pytest.param(Tier.confined, COMPUTES, 0.2, id="confined, while programs compute"),
        pytest.param(Tier.confined, "def f(): return 1", 0.1, id="confined, between programs"),
        pytest.param(Tier.weak, CHILDREN, 0.2, id="weak, while a program has children"),
        pytest.param(Tier.weak, "never", 0.0, id="weak, before the first program"),
    ],
)
def test_killing_the_caller_leaves_nothing_behind(tmp_path: Path, tier: Tier, source: str, pause: float) -> None:
    need(tier)
    caller = run_caller(str(tmp_path), tier.name, source)
    time.sleep(pause)
    below = end_caller(caller)
    assert below
    assert wait_until(lambda: not below & processes().keys() and not marked(str(tmp_path)))
    if source == "never":  # else it may have been killed while opening a jail, whose folder the next process removes
        assert wait_until(lambda: not list(tmp_path.iterdir()))


KILLED_WHILE_OPENING = """
import os, signal, sys, tempfile
from codeprimer.sandbox import jail
tempfile.tempdir = sys.argv[1]
jail.Jail._start = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
jail.open_jail(jail.Tier.weak, jail.Tier.weak)
"""


def test_a_folder_that_a_killed_process_has_left_is_removed_by_the_next_and_one_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(jail, "CLAIM_SECONDS", -1.0)
    subprocess.run([sys.executable, "-c", KILLED_WHILE_OPENING, str(tmp_path)], check=False)
    [left] = tmp_path.iterdir()
    (tmp_path / f"{jail.HOME_PREFIX}strange").mkdir()
    with Sandbox(tier=Tier.weak, workers=1) as first:
        assert kinds(first, GOOD) == ["passed"]
        assert not left.exists()
        in_use = set(tmp_path.iterdir())
        assert len(in_use) == 2
        with Sandbox(tier=Tier.weak, workers=1) as second:
            assert kinds(second, GOOD) == ["passed"]
        assert set(tmp_path.iterdir()) == in_use
        assert kinds(first, GOOD) == ["passed"]


def test_a_candidate_has_ended_before_its_verdict_is_known(sandbox: Sandbox) -> None:
    for source in (GOOD.source, WRONG.source, "import time\n" + GOOD.source, "1 / 0", "x = 1"):
        assert len(kinds(sandbox, Program(source, GOOD.tests))) == 1
        for watcher in zygotes(sandbox):
            # Beside the zygote, only the judge may still exist, while it exits; not its candidate.
            assert len(descendants({watcher})) <= 2


def test_a_program_that_stops_the_zygote_and_kills_its_judge_does_not_hang_the_caller(tmp_path: Path) -> None:
    script = CALLER.replace("Limits(2, 4)", "Limits(0.2, 0.4)").replace("range(1000)", "range(1)")
    script = "from codeprimer.sandbox import worker; worker.GRACE_SECONDS = 0.5\n" + script
    caller = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), "weak", STOPPED_AND_ORPHANED], stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout is not None
    assert caller.stdout.readline() == "ready\n"
    try:
        caller.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        pytest.fail("the caller hangs")
    finally:
        caller.kill()
        caller.communicate()
        for pid in marked(str(tmp_path)):
            os.kill(pid, signal.SIGKILL)


def test_a_program_in_flight_when_the_caller_stopped_reading_does_not_delay_the_next_call(
    tmp_path: Path, best_sandbox: Sandbox
) -> None:
    with watched(best_sandbox.tier, tmp_path, workers=1, limits=Limits(100, 200)) as sandbox:
        verdicts = sandbox.run([GOOD, WAIT])
        assert next(verdicts).passed
        verdicts.close()
        assert kinds(sandbox, GOOD) == ["passed"]


def test_limits_can_be_set_for_one_call(sandbox: Sandbox) -> None:
    slow = Program(
        "import time\ndef f():\n  t = time.process_time()\n  while time.process_time() < t + 0.7: pass",
        ("assert f() is None",),
    )
    assert kinds(sandbox, slow, limits=SHORT) == ["timed_out"]
    assert kinds(sandbox, slow, limits=Limits(10, 30)) == ["passed"]
    assert kinds(sandbox, slow, limits=SHORT) == ["timed_out"]


def test_a_closed_sandbox_leaves_no_folder_and_can_be_used_again(best_sandbox: Sandbox, tmp_path: Path) -> None:
    with watched(best_sandbox.tier, tmp_path, workers=1) as sandbox:
        assert kinds(sandbox, GOOD) == ["passed"]
        sandbox.close()
        assert list(tmp_path.iterdir()) == []
        assert kinds(sandbox, GOOD) == ["passed"]


def test_a_judge_whose_tests_compute_much_judges_many_programs(best_sandbox: Sandbox, tmp_path: Path) -> None:
    program = Program(
        "def double(x): return 2 * x",
        (
            "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass",
            "assert double(2) == 4",
        ),
    )
    with watched(best_sandbox.tier, tmp_path, workers=1, limits=SHORT) as sandbox:
        assert kinds(sandbox, *[program] * 28) == ["passed"] * 28  # 2.8 s; the limit of one program is 2 s


def test_trusted_tests_of_many_problems_share_judges_and_meet_their_own_programs_only() -> None:
    programs = [
        Program(f"def f(x): return x + {number}", (f"assert f(1) == {number + 1 - (number % 7 == 0)}", "y = f(0)"))
        for number in range(1, 80)
    ]
    programs[10] = Program("def f(x): return x", ("while True: pass",))
    programs[20] = Program("def f(x): return x", ("f(1)", "assert y == 20"))
    with Sandbox(SHORT, 2, trust_tests=True) as sandbox:
        verdicts = list(sandbox.run(programs))
    for index, (number, verdict) in enumerate(zip(range(1, 80), verdicts, strict=True)):
        if index == 10:
            assert verdict.kind == "timed_out"
        elif index == 20:
            assert verdict.kind == "raised", "a name of other tests was seen"
        else:
            assert verdict.kind == ("failed" if number % 7 == 0 else "passed")
