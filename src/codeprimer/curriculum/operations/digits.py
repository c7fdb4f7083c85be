"""Operations on the digits of an integer, and integers as text."""

from __future__ import annotations

import math

from codeprimer.curriculum.operation import Operation, number


def _natural(n: int, *parameters: int) -> bool:
    return n >= 0


DIGITS = (
    Operation(
        name="digit_sum",
        source="integer",
        target="integer",
        concepts=("digits", "while_loops"),
        do=("add up the digits of $it", "take the digit sum of $it"),
        give=("the sum of the digits of $it", "the digit sum of $it"),
        meaning=lambda n: sum(map(int, list(str(n)))),
        noun="digit_sum",
        result="digit_sum",
        expression="sum(int(d) for d in str($v))",
        blocks=("rest = $v\n$out = 0\nwhile rest > 0:\n    $out += rest % 10\n    rest //= 10",),
        domain=_natural,
    ),
    Operation(
        name="digit_count",
        source="integer",
        target="integer",
        concepts=("digits",),
        do=("count the digits of $it",),
        give=("the number of digits of $it", "how many digits $it has"),
        meaning=lambda n: 1 if n < 10 else 1 + int(math.log10(n) + 1e-9),
        noun="digit_count",
        result="digit_count",
        expression="len(str($v))",
        domain=_natural,
    ),
    Operation(
        name="reverse_digits",
        source="integer",
        target="integer",
        concepts=("digits", "while_loops"),
        do=("reverse the digits of $it", "write $it backwards"),
        give=("$it with its digits reversed", "the number that reads $it backwards"),
        meaning=lambda n: int("".join(reversed(str(n)))),
        noun="reversed_digits",
        result="backwards",
        expression="int(str($v)[::-1])",
        blocks=("rest = $v\n$out = 0\nwhile rest > 0:\n    $out = $out * 10 + rest % 10\n    rest //= 10",),
        domain=_natural,
    ),
    Operation(
        name="largest_digit",
        source="integer",
        target="integer",
        concepts=("digits",),
        do=("take the largest digit of $it", "find the largest digit of $it"),
        give=("the largest digit of $it", "the biggest digit of $it"),
        meaning=lambda n: sorted(int(d) for d in str(n))[-1],
        noun="largest_digit",
        result="largest_digit",
        expression="max(int(d) for d in str($v))",
        domain=_natural,
    ),
    Operation(
        name="digits",
        source="integer",
        target="integers",
        concepts=("digits",),
        do=("list the digits of $it", "split $it into its digits"),
        give=("the list of the digits of $it", "the digits of $it as a list"),
        meaning=lambda n: [ord(d) - 48 for d in str(n)],
        noun="digits",
        result="digit_list",
        expression="[int(d) for d in str($v)]",
        domain=_natural,
    ),
)

TO_TEXT = (
    Operation(
        name="to_text",
        source="integer",
        target="text",
        concepts=("string_formatting",),
        do=("convert $it to a string", "turn $it into a string"),
        give=("$it as a string", "the string form of $it"),
        meaning=lambda n: f"{n:d}",
        noun="text",
        result="converted",
        expression="str($v)",
    ),
    Operation(
        name="zero_pad",
        source="integer",
        target="text",
        concepts=("string_formatting",),
        do=("pad $it with zeros to $k digits",),
        give=("$it padded with zeros to $k digits",),
        meaning=lambda n, k: "0" * (k - len(str(n))) + str(n),
        noun="padded",
        result="padded",
        expression="str($v).zfill($k)",
        parameters=(number(4, 8, "width", "length"),),
        domain=lambda n, k: n >= 0,
    ),
    Operation(
        name="to_binary",
        source="integer",
        target="text",
        concepts=("string_formatting",),
        do=("write $it in binary",),
        give=("$it in binary, without a prefix", "the binary digits of $it as a string"),
        meaning=lambda n: f"{n:b}",
        noun="binary",
        result="binary",
        expression="bin($v)[2:]",
        domain=_natural,
    ),
    Operation(
        name="parity_word",
        source="integer",
        target="text",
        concepts=("divisibility", "conditionals"),
        do=("name the parity of $it, 'even' or 'odd'",),
        give=("'even' if $it is even, otherwise 'odd'",),
        meaning=lambda n: ("even", "odd")[n & 1],
        noun="parity",
        result="parity",
        expression="'even' if $v % 2 == 0 else 'odd'",
        blocks=("if $v % 2 == 0:\n    $out = 'even'\nelse:\n    $out = 'odd'",),
        returning=("if $v % 2 == 0:\n    return 'even'\nreturn 'odd'",),
    ),
)

OPERATIONS = (*DIGITS, *TO_TEXT)
