"""Operations that parse structured text: number lists, settings, score lines, brackets."""

from __future__ import annotations

import re

from codeprimer.curriculum.operation import means, operations_in


def _depths(text: str) -> list[int]:
    """Return the nesting depth after each bracket, 0 first."""
    depths = [0]
    for bracket in re.findall(r"[()]", text):
        depths.append(depths[-1] + (1 if bracket == "(" else -1))
    return depths


OPERATIONS = operations_in(
    __file__,
    {
        "parse_numbers": means(lambda s: [int(digits) for digits in re.findall(r"\d+", s)]),
        "count_fields": means(lambda s: s.count(",") + 1),
        "split_fields": means(lambda s: re.split(",", s)),
        "parse_settings": means(lambda s: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", s)}),
        "setting_names": means(lambda s: re.findall(r"(\w+)=", s)),
        "setting_values": means(lambda s: [int(digits) for digits in re.findall(r"=(\d+)", s)]),
        "parse_records": means(lambda s: [(name, int(score)) for name, score in re.findall(r"(\w+):(\d+)", s)]),
        "record_names": means(lambda s: re.findall(r"(\w+):", s)),
        "record_scores": means(lambda s: [int(digits) for digits in re.findall(r":(\d+)", s)]),
        "count_lines": means(lambda s: s.count("\n") + 1),
        "drop_first": means(lambda s: "".join(c for i, c in enumerate(s) if i > 0)),
        "close_bracket": means(lambda s: "".join([s, ")"])),
        "is_balanced": means(lambda s: min(_depths(s)) == 0 == _depths(s)[-1]),
        "deepest_bracket": means(lambda s: max(_depths(s))),
        "bracket_surplus": means(lambda s: _depths(s)[-1]),
        "strip_brackets": means(lambda s: re.sub(r"[()]", "", s)),
    },
)
