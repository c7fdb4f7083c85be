"""Programs that behave, misbehave, and take the sandbox with them."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codeprimer.core.errors import UserError
from codeprimer.sandbox import Limits, Program, Sandbox, Verdict, VerdictKind, pool

GOOD = Program("def double(x):\n    return 2 * x", ("assert double(2) == 4", "assert double(0) == 0"))
LONG = Program("# a comment that fills the pipe\n" * 10_000, ("assert True",))
"""300 KB, several times what a pipe holds."""

LIMITS = Limits(seconds=0.5, wall_seconds=1.5, memory_bytes=256 * 2**20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as sandbox:
        yield sandbox


def judge(sandbox: Sandbox, source: str, *tests: str) -> Verdict:
    """Return the verdict, having seen that the sandbox still judges a good program afterwards."""
    verdict, after = sandbox.run([Program(source, tests), GOOD])
    assert after == Verdict(VerdictKind.passed)
    return verdict


def test_a_program_whose_tests_hold_passes(sandbox: Sandbox) -> None:
    assert judge(sandbox, GOOD.source, *GOOD.tests).passed


def test_a_failed_assert_names_the_test(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, GOOD.source, "assert double(2) == 4", "assert double(3) == 7, 'off by one'")
    assert verdict == Verdict(VerdictKind.failed, "test 2: assert double(3) == 7, 'off by one' | off by one")


def test_a_long_message_does_not_hide_the_test(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, "x = 1", "assert x == 2, 'a' * 10_000")
    assert verdict.detail.startswith("test 1: assert x == 2")
    assert len(verdict.detail) <= 310


@pytest.mark.parametrize(
    ("source", "kind", "detail"),
    [
        ("1 / 0", VerdictKind.raised, "ZeroDivisionError: division by zero"),
        ("def f(:", VerdictKind.raised, "SyntaxError"),
        ("x = '\0'", VerdictKind.raised, "SyntaxError"),
        ("x = '\udc80'", VerdictKind.raised, "UnicodeEncodeError"),
        ("import sys; sys.exit(0)", VerdictKind.raised, "SystemExit"),
        ("raise SystemExit", VerdictKind.raised, "SystemExit"),
        ("raise KeyboardInterrupt", VerdictKind.raised, "KeyboardInterrupt"),
        ("import os; os._exit(0)", VerdictKind.killed, "exit status 0"),
        ("import os; os.execv('/bin/true', ['true'])", VerdictKind.killed, "exit status 0"),
        ("import ctypes; ctypes.string_at(0)", VerdictKind.killed, "SIGSEGV"),
        ("import os; os.abort()", VerdictKind.killed, "SIGABRT"),
        ("while True: pass", VerdictKind.timed_out, ""),
        ("import time; time.sleep(60)", VerdictKind.timed_out, ""),
        ("import os; os.kill(os.getpid(), 19)", VerdictKind.timed_out, ""),
        ("x = [0] * 10**9", VerdictKind.out_of_memory, ""),
        ("x = []\nwhile True: x.append(bytes(2**20))", VerdictKind.out_of_memory, ""),
        ("def f(): return f()\nf()", VerdictKind.raised, "RecursionError"),
        ("class E(Exception):\n  def __str__(self): raise ValueError\nraise E", VerdictKind.raised, "cannot be shown"),
        ("x = 1\n" * 300_000, VerdictKind.refused, "longer than"),
    ],
)
def test_every_other_end_has_its_verdict(sandbox: Sandbox, source: str, kind: VerdictKind, detail: str) -> None:
    verdict = judge(sandbox, source, "assert True")
    assert verdict.kind is kind
    assert detail in verdict.detail


def test_ignoring_every_signal_and_exception_does_not_outlive_the_limit(sandbox: Sandbox) -> None:
    source = """
import signal
for number in range(1, 64):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        while True: pass
    except BaseException: pass
"""
    assert judge(sandbox, source).kind is VerdictKind.timed_out


def test_writing_a_verdict_without_the_nonce_does_not_pass(sandbox: Sandbox) -> None:
    source = """
import os
for descriptor in range(64):
    try: os.write(descriptor, b'["passed", ""]\\n' * 2)
    except OSError: pass
os._exit(0)
"""
    assert judge(sandbox, source).kind is VerdictKind.killed


def test_a_program_sees_no_environment_no_input_and_an_empty_folder(sandbox: Sandbox) -> None:
    tests = (
        "import os, sys",
        "assert dict(os.environ) == {}",
        "assert os.listdir('.') == []",
        "assert sys.stdin.read() == ''",
        "print('x' * 10**7)",
        "open('left behind', 'w').close()",
    )
    assert judge(sandbox, "", *tests).passed
    assert judge(sandbox, "", *tests).passed


@pytest.mark.parametrize(
    "damage",
    [
        "os.mkdir('left'); open('left/behind', 'w').close()",
        "os.chmod('.', 0o777)",
        "os.rmdir(os.getcwd())",
        "os.rename(os.getcwd(), os.getcwd() + 'x')",
        "folder = os.getcwd(); os.rmdir(folder); os.symlink('/', folder)",
        "os.setxattr('.', 'user.answer', b'42')",
    ],
)
def test_what_a_program_does_to_its_folder_reaches_no_other(damage: str) -> None:
    untouched = Program(
        "import os, stat", ("assert (os.listdir('.'), stat.S_IMODE(os.stat('.').st_mode)) == ([], 0o700)",)
    )
    no_marks = Program("import os", ("assert os.listxattr('.') == []",))
    with Sandbox(LIMITS, workers=1) as one:
        verdicts = list(one.run([Program(f"import os\ntry: {damage}\nexcept OSError: pass"), untouched, no_marks]))
        assert [verdict.kind for verdict in verdicts] == [VerdictKind.passed] * 3
        assert len(list(Path(one._pool[0].home).iterdir())) <= 2


def test_nothing_can_be_written_into_a_file(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, "with open('a', 'w') as file:\n    file.write('text')\n    file.flush()")
    assert verdict.kind is VerdictKind.raised
    assert "File too large" in verdict.detail


def test_a_program_starts_from_the_same_state_every_time_and_in_every_sandbox(sandbox: Sandbox) -> None:
    source = "import random\nassert not hasattr(random, 'mark')\nrandom.mark = 1\n"
    source += "raise ValueError(random.random(), {*'abcdefgh'})"
    details = [judge(sandbox, source).detail for _ in range(4)]
    with Sandbox(LIMITS, workers=1) as other:
        details.append(judge(other, source).detail)
    assert len(set(details)) == 1


def test_addresses_are_kept_out_of_the_detail(sandbox: Sandbox) -> None:
    assert judge(sandbox, "raise ValueError(object())").detail == "ValueError: <object object at 0x...>"


def test_a_program_is_the_main_module_to_whatever_looks_it_up(sandbox: Sandbox) -> None:
    source = "class Q: pass\nclass P:\n    x: 'Q'\nassert __name__ == '__main__'"
    assert judge(sandbox, source, "import typing", "assert typing.get_type_hints(P) == {'x': Q}").passed


def processes_with(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool]) -> bool:
    """Return whether the condition came true within some seconds."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def states_of(mark: str) -> list[str]:
    """Return what processes are doing: R, S, T for stopped, ..."""
    return [Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] for number in processes_with(mark)]


def gone(mark: str) -> bool:
    return wait_until(lambda: not processes_with(mark))


linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
def test_daemons_are_killed_with_the_program_that_left_them(sandbox: Sandbox) -> None:
    mark = f"codeprimer-daemon-{os.getpid()}"
    source = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv({sys.executable!r}, [{sys.executable!r}, "-c", "import time; time.sleep(60)", {mark!r}])
    os._exit(0)
import time; time.sleep(0.3)
"""
    assert judge(sandbox, source).passed
    assert gone(mark)


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGSTOP"])
def test_a_program_that_attacks_its_judge_harms_only_itself(signal_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "GRACE_SECONDS", 0.5)
    source = f"import os, signal, time\nos.kill(os.getppid(), signal.{signal_name})\ntime.sleep(60)"
    limits = Limits(seconds=0.2, wall_seconds=0.3)
    with Sandbox(limits, workers=1) as sandbox:
        verdicts = list(sandbox.run([GOOD]))
        home = Path(sandbox._pool[0].home)
        verdicts += sandbox.run([Program(source), GOOD, LONG, LONG, GOOD])
    assert not home.exists()
    assert [verdict.passed for verdict in verdicts] == [True, False, True, True, True, True]


@linux
def test_killing_the_caller_of_a_stopped_judge_leaves_no_process_behind() -> None:
    script = """
from codeprimer.sandbox import Program, Sandbox
with Sandbox(workers=1) as sandbox:
    next(sandbox.run([Program("x = 1")]))
    print(sandbox._pool[0].home, flush=True)
    list(sandbox.run([Program("import os, signal, time; os.kill(os.getppid(), signal.SIGSTOP); time.sleep(60)")]))
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        home = caller.stdout.readline().strip()
        stopped = wait_until(lambda: "T" in states_of(home))
        caller.send_signal(signal.SIGKILL)
    assert stopped
    assert gone(home)
    assert not Path(home).exists()


def test_verdicts_come_in_the_order_of_the_programs(sandbox: Sandbox) -> None:
    slow = "import time; time.sleep(0.2)"
    programs = [Program(slow if index % 10 == 0 else "", (f"assert {index} % 3",)) for index in range(60)]
    assert [verdict.passed for verdict in sandbox.run(programs)] == [index % 3 != 0 for index in range(60)]


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
    assert judge(sandbox, "x = 1").passed


def test_what_was_under_way_when_the_caller_lost_interest_does_not_hold_up_the_next() -> None:
    with Sandbox(Limits(seconds=30, wall_seconds=60), workers=1) as sandbox:
        verdicts = sandbox.run([GOOD, Program("import time; time.sleep(50)")])
        assert next(verdicts).passed
        verdicts.close()
        started = time.monotonic()
        assert [verdict.passed for verdict in sandbox.run([GOOD])] == [True]
    assert time.monotonic() - started < 30


def test_limits_can_be_set_for_one_call(sandbox: Sandbox) -> None:
    slow = Program("import time; t = time.process_time()\nwhile time.process_time() < t + 0.8: pass")
    assert [verdict.kind for verdict in sandbox.run([slow])] == [VerdictKind.timed_out]
    assert [verdict.kind for verdict in sandbox.run([slow], LIMITS.times(4))] == [VerdictKind.passed]


@linux
def test_killing_the_caller_leaves_no_process_behind() -> None:
    script = """
import sys
from codeprimer.sandbox import Program, Sandbox
mark = sys.argv[1]
code = "import time; time.sleep(60)"
loop = Program(f"import os\\nos.fork()\\nos.execv({sys.executable!r}, [{sys.executable!r}, '-c', {code!r}, {mark!r}])")
with Sandbox(workers=2) as sandbox:
    next(sandbox.run([Program("x = 1")]))
    print(*[worker.home for worker in sandbox._pool], flush=True)
    list(sandbox.run([loop, loop]))
"""
    mark = f"codeprimer-orphan-{os.getpid()}"
    with subprocess.Popen([sys.executable, "-c", script, mark], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        home = caller.stdout.readline().split()[0]
        running = wait_until(lambda: len(processes_with(mark)) == 5)
        caller.send_signal(signal.SIGKILL)
    assert running  # the caller, two programs, a fork of each
    assert gone(mark)
    assert gone(home)
    assert not Path(home).exists()


def test_a_closed_sandbox_leaves_no_folder_and_can_be_used_again(sandbox: Sandbox) -> None:
    other = Sandbox(LIMITS, workers=1)
    assert [verdict.passed for verdict in other.run([GOOD])] == [True]
    home = Path(other._pool[0].home)
    other.close()
    assert not home.exists()
    assert [verdict.passed for verdict in other.run([GOOD])] == [True]
    other.close()


def test_an_interpreter_that_cannot_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Sandbox(workers=1) as broken, pytest.raises(UserError, match="cannot start /bin/false"):
        list(broken.run([GOOD]))


def test_many_programs_take_milliseconds_each_and_leave_no_descriptor_open(sandbox: Sandbox) -> None:
    list(sandbox.run([GOOD] * 8))
    before = len(list(Path("/dev/fd").iterdir()))
    started = time.monotonic()
    assert all(verdict.passed for verdict in sandbox.run(itertools.repeat(GOOD, 400)))
    assert time.monotonic() - started < 10  # [s]; a second on an idle machine
    assert len(list(Path("/dev/fd").iterdir())) == before
