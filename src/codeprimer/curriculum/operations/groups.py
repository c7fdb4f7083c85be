"""Operations that make and read groups and inverted dictionaries."""

from __future__ import annotations

import itertools
from random import Random

from codeprimer.curriculum.operation import Operation, another, number


def _some_numbers(random: Random) -> list[int]:
    return [random.randrange(1, 21) for _ in range(random.randrange(3, 6))]


GROUPING = (
    Operation(
        name="group_by_initial",
        source="words",
        target="groups",
        concepts=("dictionary_grouping",),
        do=("group the words by their first letter",),
        give=("the words grouped by first letter",),
        meaning=lambda v: {c: [w for w in v if w[0] == c] for c in [w[0] for w in v]},
        noun="groups",
        result="by_letter",
        blocks=("$out = {}\nfor $x in $v:\n    $out.setdefault($x[0], []).append($x)",),
        domain=lambda v: "" not in v,
    ),
    Operation(
        name="group_by_last",
        source="words",
        target="groups",
        concepts=("dictionary_grouping",),
        do=("group the words by their last letter",),
        give=("the words grouped by last letter",),
        meaning=lambda v: {c: [w for w in v if w[-1] == c] for c in [w[-1] for w in v]},
        noun="groups",
        result="by_ending",
        blocks=("$out = {}\nfor $x in $v:\n    $out.setdefault($x[-1], []).append($x)",),
        domain=lambda v: "" not in v,
    ),
    Operation(
        name="zip_counts",
        source="words",
        target="counts",
        concepts=("zipping", "dictionaries"),
        do=("map the words to the numbers of $k",),
        give=("a dictionary from the words to $k",),
        meaning=lambda v, k: {v[i]: k[i] for i in range(min(len(v), len(k)))},
        noun="mapping",
        result="matched",
        expression="dict(zip($v, $k))",
        parameters=(another("list[int]", _some_numbers, "amounts", "marks"),),
        domain=lambda v, k: len(set(v)) == len(v),
    ),
    Operation(
        name="zip_pairs",
        source="words",
        target="pairs",
        concepts=("zipping", "tuples"),
        do=("pair the words with the numbers of $k",),
        give=("the words paired with $k",),
        meaning=lambda v, k: [(v[i], k[i]) for i in range(min(len(v), len(k)))],
        noun="pairs",
        result="zipped",
        expression="list(zip($v, $k))",
        parameters=(another("list[int]", _some_numbers, "amounts", "marks"),),
    ),
)

READING = (
    Operation(
        name="group_sizes",
        source="groups",
        target="counts",
        concepts=("dictionary_mapping", "dictionary_grouping"),
        do=("replace each group by its size",),
        give=("a dictionary of the size of each group",),
        meaning=lambda v: dict(zip(v, map(len, v.values()), strict=True)),
        noun="sizes",
        result="sizes",
        expression="{key: len(group) for key, group in $v.items()}",
        blocks=("$out = {}\nfor key, group in $v.items():\n    $out[key] = len(group)",),
    ),
    Operation(
        name="sort_groups",
        source="groups",
        target="groups",
        concepts=("dictionary_mapping", "sorting"),
        do=("sort each group",),
        give=("the dictionary with each group sorted",),
        meaning=lambda v: dict(zip(v, map(sorted, v.values()), strict=True)),
        noun="sorted_groups",
        result="sorted_groups",
        expression="{key: sorted(group) for key, group in $v.items()}",
        blocks=("$out = {}\nfor key, group in $v.items():\n    $out[key] = sorted(group)",),
    ),
    Operation(
        name="keep_groups",
        source="groups",
        target="groups",
        concepts=("dictionary_filtering", "dictionary_grouping"),
        do=("keep only the groups of at least $k",),
        give=("the groups of at least $k",),
        meaning=lambda v, k: dict(filter(lambda item: len(item[1]) >= k, v.items())),
        noun="big_groups",
        result="big_groups",
        expression="{key: group for key, group in $v.items() if len(group) >= $k}",
        blocks=("$out = {}\nfor key, group in $v.items():\n    if len(group) >= $k:\n        $out[key] = group",),
        parameters=(number(2, 3, "minimum", "size"),),
    ),
    Operation(
        name="group_members",
        source="groups",
        target="words",
        concepts=("nested_loops", "flattening"),
        do=("list the members of all groups, sorted",),
        give=("the sorted members of all groups",),
        meaning=lambda v: sorted(itertools.chain.from_iterable(v.values())),
        noun="members",
        result="everyone",
        expression="sorted(member for group in $v.values() for member in group)",
    ),
    Operation(
        name="largest_group",
        source="groups",
        target="integer",
        concepts=("dictionary_extremes", "dictionary_grouping"),
        do=("take the size of the largest group (0 if none)",),
        give=("the size of the largest group (0 if none)",),
        meaning=lambda v: [0, *sorted(len(group) for group in v.values())][-1],
        noun="largest_group",
        result="largest_group",
        expression="max((len(group) for group in $v.values()), default=0)",
    ),
    Operation(
        name="labels_in_order",
        source="labels",
        target="words",
        concepts=("dictionary_inversion", "sorting"),
        do=("list the names by ascending number",),
        give=("the names sorted by their numbers",),
        meaning=lambda v: [name for _, name in sorted(v.items())],
        noun="names",
        result="in_order",
        expression="[$v[key] for key in sorted($v)]",
    ),
    Operation(
        name="label_of",
        source="labels",
        target="text",
        concepts=("dictionary_lookup",),
        do=("take the name of the smallest number ('' if none)",),
        give=("the name of the smallest number ('' if none)",),
        meaning=lambda v: [*(name for _, name in sorted(v.items())), ""][0],
        noun="first_name",
        result="first_name",
        expression="$v[min($v)] if $v else ''",
    ),
)

OPERATIONS = (*GROUPING, *READING)
