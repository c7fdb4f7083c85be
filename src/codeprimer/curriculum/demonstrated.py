"""Compositions that occur in the lessons' hand-written programs and therefore must not be held out.

Composed examples can avoid held-out compositions; the lessons' fixed programs cannot. This list is maintained by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from codeprimer.curriculum.catalogue import canonical
from codeprimer.curriculum.heldout import pieces


@dataclass(frozen=True)
class Demonstration:
    """A composition and its place in a lesson."""

    operations: tuple[str, ...]
    lesson: str
    """The concept of the lesson."""
    code: str
    """The code in one of the lesson's programs, verbatim."""


def _shown(operations: str, lesson: str, code: str) -> Demonstration:
    return Demonstration(tuple(operations.split(">")), lesson, code)


DEMONSTRATIONS = (
    _shown("add>multiply", "variables", "total = $number + extra\nprint(total)\ntotal = total * 2"),
    _shown("multiply>add", "integers", "return hours * 60 + minutes"),
    _shown("distance>square", "powers", "return (a - b) ** 2"),
    _shown("push>stack_items", "lists", "$numbers.append($medium)"),
    _shown("sort_descending>first_few", "list_slicing", "return sorted($numbers, reverse=True)[:3]"),
    _shown("average>round_places", "list_aggregation", "return round(sum($numbers) / len($numbers), 1)"),
    _shown("upper_each>append_each>join_with", "for_loops", 'text = text + $word.upper() + "! "'),
    _shown("count_up>square_each", "ranges", "result.append(number * number)"),
    _shown("count_up>reverse", "ranges", "return list(range(start, 0, -1))"),
    _shown("count_up>sort_descending", "ranges", "return list(range(start, 0, -1))"),
    _shown("lengths>total", "ranges", "total += len($word)"),
    _shown("keep_greater>total", "accumulators", "if $number > limit:\n            total += $number"),
    _shown("keep_longer>longest_word", "early_exit", "if len($word) > length:\n            return $word"),
    _shown("digits>largest", "digits", "largest = max(largest, int(digit))"),
    _shown("to_text>text_length", "digits", "return len(str(number))"),
    _shown("divisors>total", "divisors", "return n == sum(d for d in range(1, n) if n % d == 0)"),
    _shown("divisors>count_distinct", "primes", "return sum(1 for d in range(1, n + 1) if n % d == 0)"),
    _shown("keep_even>square_each", "list_comprehensions", "$number * $number for $number in $numbers if $number % 2"),
    _shown("square_each>keep_even", "list_comprehensions", "$number * $number for $number in $numbers if $number % 2"),
    _shown("initials>list_characters", "list_comprehensions", "return [$word[0] for $word in $words if $word]"),
    _shown("split_words>longest_word", "word_processing", "if len(word) > len(longest):"),
    _shown("split_words>initials>upper", "word_processing", '"".join(word[0].upper() for word in text.split())'),
    _shown("split_words>upper_each>initials", "word_processing", '"".join(word[0].upper() for word in text.split())'),
    _shown("scores_of>total", "tuple_unpacking", "for _, $amount in pairs:\n        total += $amount"),
    _shown("total_by_name>sum_values", "tuple_unpacking", "for _, $amount in pairs:\n        total += $amount"),
    _shown("keep_high_scores>names_of", "pairs", "return [name for name, number in pairs if number > limit]"),
    _shown("total_by_name>look_up", "pairs", "return sum(number for name, number in pairs if name == wanted)"),
    _shown("add>divide_whole", "list_chunking", "return (items + per_page - 1) // per_page"),
    _shown("keep_entries>sum_values", "dictionary_iteration", "if $amount > limit:\n            total += $amount"),
    _shown("tally_words>sum_values", "dictionary_counting", "print(sum(counts.values()) == len($words))"),
    _shown("lengths>to_set>sorted_members", "dictionary_comprehensions", "sorted({len($word) for $word in $words})"),
    _shown("lengths>dedupe>sort", "dictionary_comprehensions", "sorted({len($word) for $word in $words})"),
    _shown("tally_words>sorted_keys", "sets", "return sorted(set($words))"),
    _shown("map_lengths>sorted_keys", "sets", "return sorted(set($words))"),
    _shown("to_set>sorted_members", "sets", "members = set($repeated_ints)\nprint(sorted(members))"),
    _shown("dedupe>sort", "sets", "members = set($repeated_ints)\nprint(sorted(members))"),
    _shown("to_set>intersection>sorted_members", "set_operations", "return sorted(set(first) & set(second))"),
    _shown("to_set>union>sorted_members", "set_operations", "print(sorted(monday | tuesday))"),
    _shown("sort>first_few", "sorting", "return sorted($numbers)[:count]"),
    _shown("sort_by_score>names_of", "sort_keys", "return [name for name, number in ordered]"),
    _shown("sort_words>sort_by_length", "stable_sorting", "by_length = sorted(by_alphabet, key=len)"),
    _shown("transpose>row_sums>total", "matrix_sums", "return [sum(column) for column in zip(*grid)]"),
    _shown("flatten>total", "matrix_sums", "print(sum(sum(row) for row in grid))"),
    _shown("initials>text_length", "recursion_on_lists", "return 1 + count($words[1:])"),
    _shown("parse_records>total_by_name", "parsing_records", "result[name] = result.get(name, 0) + int(number)"),
    _shown("deposit>balance", "object_state", "account.deposit($small)\nprint(account.balance)"),
    _shown(
        "deposit>withdraw>balance", "object_state", "print(account.withdraw($large + $large))\nprint(account.balance)"
    ),
    _shown("discard>stack_items", "stacks", "print(stack.pop(0))\nprint(stack)"),
)
"""All demonstrations in lesson order, including compositions shown only by code with the same meaning."""

_PIECES = frozenset(piece for shown in DEMONSTRATIONS for piece in pieces(shown.operations))


def is_demonstrated(operations: tuple[str, ...]) -> bool:
    """Return whether a lesson shows a composition, alone or inside a longer one."""
    return canonical(operations) in _PIECES
