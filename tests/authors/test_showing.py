from __future__ import annotations

import pytest

from codeprimer.authors.offline.showing import passed_on, results_of, show_output


def test_the_output_of_a_print_call_stands_behind_it() -> None:
    assert show_output("x = 2\nprint(x * 21)\nprint(x, 'a')\n") == "x = 2\nprint(x * 21)  # 42\nprint(x, 'a')  # 2 a\n"


def test_the_output_of_a_loop_stands_below_it() -> None:
    shown = show_output("for x in (1, 2):\n    print(x)\nprint('end')\n")
    assert shown == "for x in (1, 2):\n    print(x)\n# Output:\n# 1\n# 2\nprint('end')  # end\n"


def test_a_loop_that_prints_once_claims_nothing_about_its_last_line() -> None:
    assert show_output("for x in (1,):\n    print(x)\n").splitlines()[1:] == ["    print(x)", "# Output:", "# 1"]


def test_an_output_that_does_not_fit_stands_below() -> None:
    shown = show_output("print('word ' * 20)\n")
    assert shown.splitlines() == ["print('word ' * 20)", "# Output:", f"# {'word ' * 20}"]


def test_an_empty_output_is_left_out() -> None:
    assert show_output("print('')\n") == "print('')\n"


def test_a_program_keeps_its_blank_lines_and_definitions() -> None:
    program = "def double(x: int) -> int:\n    return 2 * x\n\n\nprint(double(4))\n"
    assert show_output(program) == program.replace("(4))", "(4))  # 8")


def test_steps_hand_on_what_the_next_one_reads() -> None:
    steps = ["evens = [x for x in numbers if x % 2 == 0]", "total = 0\nfor x in evens:\n    total += x", "return total"]
    assert results_of(steps, {"numbers": "[1, 2, 4]"}) == [("evens", [2, 4]), ("total", 6)]


def test_a_step_with_two_variables_hands_on_the_one_that_is_read() -> None:
    assert passed_on("a, b = 0, 1\nfor _ in range(3):\n    a, b = b, a + b", "return b * 2") == "b"


def test_a_result_assigned_inside_a_condition_is_found() -> None:
    steps = ["if n > 3:\n    size = 'large'\nelse:\n    size = 'small'", "return size.upper()"]
    assert results_of(steps, {"n": "5"}) == [("size", "large")]


def test_a_list_that_is_changed_in_place_is_shown_as_it_was_after_each_step() -> None:
    steps = ["items.append(1)", "items[-1] *= 5", "return items"]
    assert results_of(steps, {"items": "[0]"}) == [("items", [0, 1]), ("items", [0, 5])]


def test_an_error_in_one_of_our_programs_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        show_output("print(1 / 0)\n")
