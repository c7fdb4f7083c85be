"""Operations that read structured text: number lists, settings, score lines, brackets."""

from __future__ import annotations

import re

from codeprimer.curriculum.operation import Operation


def _depths(text: str) -> list[int]:
    """Return the nesting depth after each bracket, 0 first."""
    depths = [0]
    for bracket in re.findall(r"[()]", text):
        depths.append(depths[-1] + (1 if bracket == "(" else -1))
    return depths


NUMBERS = (
    Operation(
        name="parse_numbers",
        source="number_list",
        target="integers",
        concepts=("parsing_numbers",),
        do=("parse the numbers between the commas",),
        give=("the list of the numbers between the commas",),
        meaning=lambda s: [int(digits) for digits in re.findall(r"\d+", s)],
        noun="numbers",
        result="parsed",
        expression="[int(part) for part in $v.split(',')]",
        blocks=("$out = []\nfor part in $v.split(','):\n    $out.append(int(part))",),
    ),
    Operation(
        name="count_fields",
        source="number_list",
        target="integer",
        concepts=("parsing_numbers", "string_splitting"),
        do=("count the fields between the commas",),
        give=("the number of fields between the commas",),
        meaning=lambda s: s.count(",") + 1,
        noun="field_count",
        result="fields",
        expression="len($v.split(','))",
    ),
    Operation(
        name="split_fields",
        source="number_list",
        target="words",
        concepts=("string_splitting",),
        do=("split the text at the commas",),
        give=("the list of the fields between the commas",),
        meaning=lambda s: re.split(",", s),
        noun="fields",
        result="columns",
        expression="$v.split(',')",
    ),
)

SETTINGS = (
    Operation(
        name="parse_settings",
        source="settings_text",
        target="counts",
        concepts=("parsing_key_values",),
        do=("parse the settings into a dictionary",),
        give=("a dictionary of the settings",),
        meaning=lambda s: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", s)},
        noun="settings",
        result="settings",
        blocks=("$out = {}\nfor part in $v.split(';'):\n    key, value = part.split('=')\n    $out[key] = int(value)",),
    ),
    Operation(
        name="setting_names",
        source="settings_text",
        target="words",
        concepts=("parsing_key_values", "string_splitting"),
        do=("list the names before the equal signs",),
        give=("the names before the equal signs",),
        meaning=lambda s: re.findall(r"(\w+)=", s),
        noun="setting_names",
        result="keys",
        expression="[part.split('=')[0] for part in $v.split(';')]",
    ),
    Operation(
        name="setting_values",
        source="settings_text",
        target="integers",
        concepts=("parsing_key_values", "parsing_numbers"),
        do=("list the numbers after the equal signs",),
        give=("the numbers after the equal signs",),
        meaning=lambda s: [int(digits) for digits in re.findall(r"=(\d+)", s)],
        noun="setting_values",
        result="quantities",
        expression="[int(part.split('=')[1]) for part in $v.split(';')]",
    ),
)

RECORDS = (
    Operation(
        name="parse_records",
        source="score_lines",
        target="pairs",
        concepts=("parsing_records",),
        do=("parse each line into name and score",),
        give=("a name and score pair per line",),
        meaning=lambda s: [(name, int(score)) for name, score in re.findall(r"(\w+):(\d+)", s)],
        noun="records",
        result="parsed_records",
        blocks=(
            "$out = []\nfor line in $v.splitlines():\n    name, score = line.split(':')\n"
            "    $out.append((name, int(score)))",
        ),
    ),
    Operation(
        name="record_names",
        source="score_lines",
        target="words",
        concepts=("parsing_records", "string_splitting"),
        do=("list the names before the colons",),
        give=("the names before the colons, one per line",),
        meaning=lambda s: re.findall(r"(\w+):", s),
        noun="record_names",
        result="all_names",
        expression="[line.split(':')[0] for line in $v.splitlines()]",
    ),
    Operation(
        name="record_scores",
        source="score_lines",
        target="integers",
        concepts=("parsing_records", "parsing_numbers"),
        do=("list the scores after the colons",),
        give=("the scores after the colons, one per line",),
        meaning=lambda s: [int(digits) for digits in re.findall(r":(\d+)", s)],
        noun="record_scores",
        result="all_scores",
        expression="[int(line.split(':')[1]) for line in $v.splitlines()]",
    ),
    Operation(
        name="count_lines",
        source="score_lines",
        target="integer",
        concepts=("string_splitting",),
        do=("count the lines",),
        give=("the number of lines",),
        meaning=lambda s: s.count("\n") + 1,
        noun="line_count",
        result="line_count",
        expression="len($v.splitlines())",
    ),
)

BRACKETS = (
    Operation(
        name="drop_first",
        source="brackets",
        target="brackets",
        concepts=("string_slicing",),
        do=("drop the first character",),
        give=("the text without its first character",),
        meaning=lambda s: "".join(c for i, c in enumerate(s) if i > 0),
        noun="shortened",
        result="shorter",
        expression="$v[1:]",
    ),
    Operation(
        name="close_bracket",
        source="brackets",
        target="brackets",
        concepts=("strings",),
        do=("append a closing bracket",),
        give=("the text with a closing bracket appended",),
        meaning=lambda s: "".join([s, ")"]),
        noun="closed",
        result="closed",
        expression="$v + ')'",
    ),
    Operation(
        name="is_balanced",
        source="brackets",
        target="truth",
        concepts=("bracket_matching", "early_exit"),
        do=("test whether the brackets are balanced",),
        give=(
            "True if the brackets are balanced",
            "whether every bracket has its partner",
            "whether the brackets match",
        ),
        meaning=lambda s: min(_depths(s)) == 0 == _depths(s)[-1],
        noun="is_balanced",
        result="is_balanced",
        returning=(
            "depth = 0\nfor $c in $v:\n    if $c == '(':\n        depth += 1\n    elif $c == ')':\n        depth -= 1\n"
            "    if depth < 0:\n        return False\nreturn depth == 0",
        ),
    ),
    Operation(
        name="deepest_bracket",
        source="brackets",
        target="integer",
        concepts=("bracket_matching",),
        do=("measure how deep the brackets are nested",),
        give=("how deep the brackets are nested", "the largest depth of the brackets"),
        meaning=lambda s: max(_depths(s)),
        noun="depth",
        result="deepest",
        blocks=(
            "$out = 0\ndepth = 0\nfor $c in $v:\n    if $c == '(':\n        depth += 1\n    elif $c == ')':\n"
            "        depth -= 1\n    $out = max($out, depth)",
        ),
    ),
    Operation(
        name="bracket_surplus",
        source="brackets",
        target="integer",
        concepts=("bracket_matching", "character_counting"),
        do=("subtract the closing brackets from the opening ones",),
        give=("the opening minus the closing brackets",),
        meaning=lambda s: _depths(s)[-1],
        noun="surplus",
        result="surplus",
        expression="$v.count('(') - $v.count(')')",
    ),
    Operation(
        name="strip_brackets",
        source="brackets",
        target="text",
        concepts=("bracket_matching", "string_methods"),
        do=("remove all brackets",),
        give=("the text without brackets",),
        meaning=lambda s: re.sub(r"[()]", "", s),
        noun="plain",
        result="plain",
        expression="$v.replace('(', '').replace(')', '')",
        blocks=("$out = ''\nfor $c in $v:\n    if $c not in '()':\n        $out += $c",),
    ),
)

OPERATIONS = (*NUMBERS, *SETTINGS, *RECORDS, *BRACKETS)
