"""Good and bad programs, and the verdict on each."""

from __future__ import annotations

import pytest
from tests.sandbox.hostile.programs import GOOD
from tests.sandbox.watch import SHORT

from codeprimer.sandbox import Limits, Program, Sandbox, Tier, Verdict, VerdictKind


def judge(sandbox: Sandbox, source: str, *tests: str, together: bool = False) -> Verdict:
    """Return the verdict, after checking that the sandbox still judges a good program."""
    verdict, after = sandbox.run([Program(source, tests, together=together), GOOD], SHORT)
    assert after == Verdict(VerdictKind.passed, "", sandbox.tier)
    return verdict


def test_a_program_whose_tests_hold_passes(sandbox: Sandbox) -> None:
    assert judge(sandbox, GOOD.source, *GOOD.tests) == Verdict(VerdictKind.passed, "", sandbox.tier)


def test_a_failed_assert_names_the_test(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, GOOD.source, "assert double(2) == 4", "assert double(3) == 7, 'off by one'")
    assert verdict.kind is VerdictKind.failed
    assert verdict.detail == "test 2: assert double(3) == 7, 'off by one' | off by one"


def test_a_failed_comparison_shows_both_sides(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, GOOD.source, "assert double(3) == 7")
    assert verdict.detail == "test 1: assert double(3) == 7 | got 6, expected 7"


COUNTER = """times = 0
def count(seen=None):
    global times
    times += 1
    if type(seen) is list:
        seen.append(times)
    return seen if type(seen) is str else times
"""
ONCE = "import math\nmath.tries = getattr(math, 'tries', 0) + 1\nassert math.tries > count()"
SIDES = {
    "the program is not asked again": (["assert count() == 1\nassert count() == 5"], "got 2, expected 5"),
    "nor for a later test": (["assert count() == 1", "assert count() == 5"], "got 2, expected 5"),
    "an argument that it changed": (["seen = [0]\ncount(seen)\nassert seen == [0]"], "got [0, 1], expected [0]"),
    "an answer too long to keep": (["count('x' * 2**21)\nassert count() == 5"], "assert count() == 5"),
    "tests that do not repeat": (["import time\nassert time.time_ns() == count()"], "expected 1"),
    "tests that fail only once": ([ONCE], "math.tries > count()"),
}  # fmt: skip


@pytest.mark.parametrize("name", SIDES)
def test_both_sides_are_those_of_the_run_that_failed(name: str, sandbox: Sandbox) -> None:
    tests, shown = SIDES[name]
    verdict = judge(sandbox, COUNTER, *tests)
    assert verdict.kind is VerdictKind.failed
    assert verdict.detail.endswith(shown)


def test_a_failure_in_a_test_of_many_lines_names_the_line(sandbox: Sandbox) -> None:
    test = "def check(f):\n    assert f(2) == 4\n    assert f(3) == 7, 'seven'\ncheck(double)"
    assert judge(sandbox, GOOD.source, test).detail == "test 1: assert f(3) == 7, 'seven' | seven"


def test_a_long_message_does_not_hide_the_test(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, GOOD.source, "assert double(1) == 3, 'a' * 10_000")
    assert verdict.detail.startswith("test 1: assert double(1) == 3")
    assert len(verdict.detail) <= 310


ENDS = [
    ("1 / 0", VerdictKind.raised, "ZeroDivisionError: division by zero"),
    ("def f(:", VerdictKind.raised, "SyntaxError"),
    ("x = '\0'", VerdictKind.raised, "SyntaxError"),
    ("x = '\udc80'", VerdictKind.raised, "UnicodeEncodeError"),
    ("import sys; sys.exit(0)", VerdictKind.raised, "SystemExit"),
    ("raise KeyboardInterrupt", VerdictKind.raised, "KeyboardInterrupt"),
    ("import os; os._exit(0)", VerdictKind.killed, "exit status 0"),
    ("import os; os._exit(7)", VerdictKind.killed, "exit status 7"),
    ("import ctypes; ctypes.string_at(0)", VerdictKind.killed, "SIGSEGV"),
    ("while True: pass", VerdictKind.timed_out, ""),
    ("import time; time.sleep(60)", VerdictKind.timed_out, ""),
    ("x = [0] * 10**9", VerdictKind.out_of_memory, ""),
    ("x = []\nwhile True: x.append(bytes(2**20))", VerdictKind.out_of_memory, ""),
    ("def f(): return f()\nf()", VerdictKind.raised, "RecursionError"),
    ("class E(Exception):\n  def __str__(self): raise ValueError\nraise E", VerdictKind.raised, "cannot be shown"),
    ("raise ValueError('\udc80')", VerdictKind.raised, ""),
    ("x = 1\n" * 300_000, VerdictKind.refused, "longer than"),
]


@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
def test_every_other_end_has_its_verdict(sandbox: Sandbox, together: bool) -> None:
    programs = [Program(source, ("assert True",), together=together) for source, _, _ in ENDS]
    found = list(sandbox.run(programs, SHORT))
    for (source, kind, detail), verdict in zip(ENDS, found, strict=True):
        assert verdict.kind is kind, (source[:60], verdict)
        assert detail in verdict.detail


def test_a_program_without_tests_is_executed_and_marked(sandbox: Sandbox) -> None:
    good, bad = sandbox.run([Program("x = 1"), Program("raise ValueError('no')")])
    assert (good.kind, good.together) == (VerdictKind.passed, True)
    assert (bad.kind, bad.together) == (VerdictKind.raised, True)


def test_tests_that_need_the_programs_classes_run_together_with_it(sandbox: Sandbox) -> None:
    source = "class Pair:\n  def __init__(self, a): self.a = a\n  def __eq__(self, other): return self.a == other.a"
    assert judge(sandbox, source, "assert Pair(1) == Pair(1)", together=True).passed
    assert judge(sandbox, source, "assert Pair(1) == Pair(2)", together=True).kind is VerdictKind.failed


def test_tests_that_are_no_python_are_refused(sandbox: Sandbox) -> None:
    verdict = judge(sandbox, GOOD.source, "assert double(")
    assert verdict.kind is VerdictKind.refused
    assert "SyntaxError" in verdict.detail


def test_tests_that_never_ask_the_program_are_no_pass(sandbox: Sandbox) -> None:
    assert judge(sandbox, GOOD.source, "assert True").kind is VerdictKind.never_called


def test_a_program_sees_no_environment_and_no_input(sandbox: Sandbox) -> None:
    source = "import os, sys\ndef f():\n  print('x' * 10**7)\n"
    source += "  return [dict(os.environ), os.listdir('.'), sys.stdin.read(), sys.argv]"
    assert judge(sandbox, source, "assert f() == [{}, [], '', ['']]").passed


def test_what_a_program_does_to_its_folder_reaches_no_other(sandbox: Sandbox) -> None:
    damages = (
        "os.mkdir('left')",
        "os.chmod('.', 0o777)",
        "os.rmdir(os.getcwd())",
        "os.rename(os.getcwd(), os.getcwd() + 'x')",
        "os.setxattr('.', 'user.answer', b'42')",
    )
    if sandbox.tier is Tier.weak:
        return  # a program there can do what its user can
    look = "import os, stat\ndef f(): return [os.listdir('.'), os.listxattr('.')]"
    before = judge(sandbox, look, "assert f() == 0").detail
    for damage in damages:
        verdict = judge(
            sandbox,
            f"import os\ndef f():\n  try: {damage}\n  except OSError: return 'prevented'",
            "assert f() == 'prevented'",
        )
        assert verdict.passed, damage
        assert judge(sandbox, look, "assert f() == 0").detail == before


def test_a_program_starts_from_the_same_state_every_time_and_in_every_sandbox(sandbox: Sandbox) -> None:
    source = "import random\nassert not hasattr(random, 'mark')\nrandom.mark = 1\n"
    source += "raise ValueError(random.random(), {*'abcdefgh'})"
    details = [judge(sandbox, source, *GOOD.tests).detail for _ in range(4)]
    with Sandbox(workers=1, tier=sandbox.tier) as other:
        details.append(judge(other, source, *GOOD.tests).detail)
    assert len(set(details)) == 1


def test_a_program_is_the_main_module_to_code_that_looks_it_up(sandbox: Sandbox) -> None:
    source = "class Q: pass\nclass P:\n    x: 'Q'\nassert __name__ == '__main__'\nimport typing\n"
    source += "def f(): return typing.get_type_hints(P) == {'x': Q}"
    assert judge(sandbox, source, "assert f()").passed


INSTALLED = """
def found():
    import os, sys
    where = os.path.join(os.path.dirname(os.__file__), "site-packages")
    sys.path.append(where)
    try:
        import pip
    except (ImportError, OSError) as error:
        return type(error).__name__
    return "imported"
"""


def test_what_is_installed_beside_the_standard_library_cannot_be_imported(strong_sandbox: Sandbox) -> None:
    [verdict] = strong_sandbox.run(
        [Program(INSTALLED, ("assert found() in ('ModuleNotFoundError', 'PermissionError')",))]
    )
    assert verdict.passed, verdict.detail


def test_a_detail_that_a_program_has_written_holds_nothing_that_a_terminal_obeys(sandbox: Sandbox) -> None:
    source = "def f():\n    raise ValueError('\\x1b[2J\\x00\\u202e\\udc80 bell \\x07')"
    [verdict] = sandbox.run([Program(source, ("assert f() == 1",))])
    assert verdict.kind is VerdictKind.raised
    assert verdict.detail.isprintable()
    assert "\\x1b[2J" in verdict.detail


MALFORMED = """
import os, socket, stat
def is_socket(descriptor):
    try: return stat.S_ISSOCK(os.fstat(descriptor).st_mode)
    except OSError: return False
stream = socket.socket(fileno=os.dup(next(number for number in range(3, 64) if is_socket(number))))
def send(content): stream.sendall(len(content).to_bytes(4, "big") + content)
send({said!r})
def f(number): return number
"""


@pytest.mark.parametrize("test", ["assert 1 == 2", "1 / 0", "raise SystemExit(0)", "assert f(1) == 1", "assert True"])
@pytest.mark.parametrize(
    "said", [b"5", b"[]", b"[1,2,3,4]", b'{"a":1}', b'[["X"],"n","m",5]', b'[["UnicodeDecodeError"],"n","m","[1]"]']
)
def test_a_malformed_word_about_loading_costs_its_own_verdict_only(
    strong_sandbox: Sandbox, said: bytes, test: str
) -> None:
    good = Program("def f(number): return number", (test, "assert f(1) == 1"))
    bad = Program(MALFORMED.format(said=said), (test, "assert f(1) == 1"))
    before, verdict, after = strong_sandbox.run([good, bad, good], SHORT)
    assert before == after
    assert verdict.kind in (VerdictKind.refused, VerdictKind.raised)
    assert "outside the program" not in verdict.detail  # the judge has gone on


def test_a_long_first_call_and_a_long_word_about_loading_do_not_wait_for_each_other(sandbox: Sandbox) -> None:
    source = "kind = type('x' * 3_000_000, (Exception,), {})\nraise kind('y')"
    [verdict] = sandbox.run([Program(source, ("assert f('a' * 900_000) == 1",))])
    assert verdict.kind is VerdictKind.raised


LARGE = """
def f(number):
    if number == 99: {last}
    return str(number % 10) * 3_900_000
"""
KEEPS = """
def check(f):
    kept = [f(number) for number in range(18)]
    assert kept[3] == "3" * 3_900_000
    assert f(99) == 0
check(f)
"""


def test_samples_with_large_answers_leave_the_next_one_its_memory(best_sandbox: Sandbox) -> None:
    limits = Limits(seconds=5, wall_seconds=20, memory_bytes=2**28)
    bad = Program(LARGE.format(last="raise ValueError"), (KEEPS,))
    *found, last = best_sandbox.run([*[bad] * 8, Program(LARGE.format(last="return 0"), (KEEPS,))], limits)
    assert {verdict.kind for verdict in found} == {VerdictKind.raised}
    assert last.passed, last.detail


def test_tests_that_leave_when_the_program_is_late_get_a_verdict(sandbox: Sandbox) -> None:
    tests = ("try: f(1)\nexcept BaseException:\n    import os\n    os._exit(0)",)
    late = Program("import time\ndef f(number): time.sleep(100)", tests)
    verdict, after = sandbox.run([late, GOOD], SHORT)
    assert verdict.kind in (VerdictKind.refused, VerdictKind.timed_out)
    assert after.passed


def test_the_flags_of_standard_output_do_not_pass_from_program_to_program(strong_sandbox: Sandbox) -> None:
    get = "import fcntl, os\ndef f(): return fcntl.fcntl(1, fcntl.F_GETFL) & (os.O_APPEND | os.O_NONBLOCK)"
    change = "import fcntl, os\nfcntl.fcntl(1, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)\n" + get
    verdicts = strong_sandbox.run([Program(source, ("assert f() == 0",)) for source in (get, change, get)])
    assert [verdict.kind.value for verdict in verdicts] == ["passed", "failed", "passed"]
