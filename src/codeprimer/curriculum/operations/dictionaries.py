"""Operations on a dictionary from names to numbers that give such a dictionary."""

from __future__ import annotations

import itertools
from random import Random

from codeprimer.curriculum.operation import Operation, another, choice, number

_LIMIT = number(3, 9, "limit", "minimum")
_KEY = choice(["fig", "ann", "red", "cat", "dog"], "label", "wanted")


def _few_counts(random: Random) -> dict[str, int]:
    return {key: random.randrange(1, 10) for key in random.sample(["fig", "ann", "red", "pear", "owl"], 2)}


_OTHER = another("dict[str, int]", _few_counts, "extra", "updates")

OPERATIONS = (
    Operation(
        name="keep_entries",
        source="counts",
        target="counts",
        concepts=("dictionary_filtering", "dictionary_comprehensions"),
        do=("keep only the entries with values above $k", "drop the entries with values up to $k"),
        give=("the entries with values above $k",),
        meaning=lambda v, k: dict(filter(lambda item: item[1] > k, v.items())),
        noun="large_entries",
        result="kept",
        expression="{key: value for key, value in $v.items() if value > $k}",
        blocks=("$out = {}\nfor key, value in $v.items():\n    if value > $k:\n        $out[key] = value",),
        parameters=(_LIMIT,),
    ),
    Operation(
        name="keep_even_values",
        source="counts",
        target="counts",
        concepts=("dictionary_filtering", "divisibility"),
        do=("keep only the entries with even values",),
        give=("the entries with even values",),
        meaning=lambda v: dict(filter(lambda item: not item[1] & 1, v.items())),
        noun="even_entries",
        result="even_part",
        expression="{key: value for key, value in $v.items() if value % 2 == 0}",
        blocks=("$out = {}\nfor key, value in $v.items():\n    if value % 2 == 0:\n        $out[key] = value",),
    ),
    Operation(
        name="keep_short_keys",
        source="counts",
        target="counts",
        concepts=("dictionary_filtering", "strings"),
        do=("keep the keys of at most $k letters",),
        give=("the entries with keys up to $k letters",),
        meaning=lambda v, k: dict(filter(lambda item: not item[0][k:], v.items())),
        noun="short_keys",
        result="short_part",
        expression="{key: value for key, value in $v.items() if len(key) <= $k}",
        blocks=("$out = {}\nfor key, value in $v.items():\n    if len(key) <= $k:\n        $out[key] = value",),
        parameters=(number(3, 4, "length", "limit"),),
    ),
    Operation(
        name="add_to_values",
        source="counts",
        target="counts",
        concepts=("dictionary_mapping", "dictionary_comprehensions"),
        do=("add $k to each value", "raise every value by $k"),
        give=("the dictionary with $k added to each value",),
        meaning=lambda v, k: dict(zip(v.keys(), (sum((x, k)) for x in v.values()), strict=True)),
        noun="raised_values",
        result="raised_values",
        expression="{key: value + $k for key, value in $v.items()}",
        blocks=("$out = {}\nfor key, value in $v.items():\n    $out[key] = value + $k",),
        parameters=(number(2, 9, "step", "amount"),),
    ),
    Operation(
        name="scale_values",
        source="counts",
        target="counts",
        concepts=("dictionary_mapping", "dictionary_comprehensions"),
        do=("multiply each value by $k",),
        give=("the dictionary with each value multiplied by $k",),
        meaning=lambda v, k: dict(zip(v.keys(), (sum([x] * k) for x in v.values()), strict=True)),
        noun="scaled_values",
        result="scaled_values",
        expression="{key: value * $k for key, value in $v.items()}",
        blocks=("$out = {}\nfor key, value in $v.items():\n    $out[key] = value * $k",),
        parameters=(number(2, 5, "factor", "times"),),
    ),
    Operation(
        name="upper_keys",
        source="counts",
        target="counts",
        concepts=("dictionary_mapping", "string_methods"),
        do=("convert each key to upper case",),
        give=("the dictionary with its keys in upper case",),
        meaning=lambda v: dict(zip(map(str.upper, v.keys()), v.values(), strict=True)),
        noun="upper_keys",
        result="upper_keys",
        expression="{key.upper(): value for key, value in $v.items()}",
        domain=lambda v: len({key.upper() for key in v}) == len(v),
    ),
    Operation(
        name="merge_over",
        source="counts",
        target="counts",
        concepts=("dictionary_merging",),
        do=("merge $k into it, letting $k win",),
        give=("it merged with $k, whose values win",),
        meaning=lambda v, k: dict(itertools.chain(v.items(), k.items())),
        noun="merged",
        result="merged",
        expression="{**$v, **$k}",
        blocks=("$out = dict($v)\nfor key, value in $k.items():\n    $out[key] = value",),
        parameters=(_OTHER,),
    ),
    Operation(
        name="merge_adding",
        source="counts",
        target="counts",
        concepts=("dictionary_merging", "dictionary_lookup"),
        do=("merge $k into it, adding shared values",),
        give=("it merged with $k, shared values added",),
        meaning=lambda v, k: {x: v.get(x, 0) + k.get(x, 0) for x in [*v, *k]},
        noun="combined",
        result="combined",
        blocks=("$out = dict($v)\nfor key, value in $k.items():\n    $out[key] = $out.get(key, 0) + value",),
        parameters=(_OTHER,),
    ),
    Operation(
        name="remove_key",
        source="counts",
        target="counts",
        concepts=("dictionary_filtering", "dictionaries"),
        do=("remove the key $k if present",),
        give=("the dictionary without the key $k",),
        meaning=lambda v, k: dict(filter(lambda item: item[0] != k, v.items())),
        noun="remaining",
        result="without_key",
        expression="{key: value for key, value in $v.items() if key != $k}",
        parameters=(_KEY,),
    ),
)
