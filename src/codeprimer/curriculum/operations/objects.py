"""Operations on the state of an account and of a tally; they complete methods of given classes."""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.operation import Operation, Parameter, number


def _item(random: Random) -> int:
    return random.randrange(1, 21)


def _label(random: Random) -> str:
    return random.choice(["fig", "ann", "red", "cat", "dog", "owl"])


_AMOUNT = Parameter(_item, ("amount", "payment"), always=True)
_LABEL = Parameter(_label, ("label", "tag"), "str", always=True)

ACCOUNT = (
    Operation(
        name="deposit",
        source="account",
        target="account",
        concepts=("object_state", "simple_classes"),
        do=("deposit $k", "add $k to the balance"),
        give=(),
        meaning=lambda v, k: sum((v, k)),
        noun="deposit",
        result="",
        change="$v += $k",
        parameters=(_AMOUNT,),
    ),
    Operation(
        name="withdraw",
        source="account",
        target="account",
        concepts=("object_state", "conditionals"),
        do=("withdraw $k if the balance allows it",),
        give=(),
        meaning=lambda v, k: v - k if k <= v else v,
        noun="withdraw",
        result="",
        change="if $v >= $k:\n    $v -= $k",
        parameters=(_AMOUNT,),
    ),
    Operation(
        name="charge",
        source="account",
        target="account",
        concepts=("object_state", "simple_classes"),
        do=("charge a fee of $k",),
        give=(),
        meaning=lambda v, k: v + -k,
        noun="charge",
        result="",
        change="$v -= $k",
        parameters=(number(2, 9),),
    ),
    Operation(
        name="add_interest",
        source="account",
        target="account",
        concepts=("object_state", "integers"),
        do=("add $k percent interest, rounded down",),
        give=(),
        meaning=lambda v, k: v + divmod(v * k, 100)[0],
        noun="interest",
        result="",
        change="$v += $v * $k // 100",
        parameters=(number(5, 9),),
        domain=lambda v, k: v >= 0,
    ),
    Operation(
        name="balance",
        source="account",
        target="integer",
        concepts=("object_state", "simple_classes"),
        do=("read the balance",),
        give=("the balance", "the new balance"),
        meaning=lambda v: v,
        noun="balance",
        result="current",
        expression="$v",
    ),
    Operation(
        name="can_pay",
        source="account",
        target="truth",
        concepts=("simple_classes", "booleans"),
        do=("test whether the balance covers $k",),
        give=("True if the balance covers $k", "whether the balance is at least $k"),
        meaning=lambda v, k: max(v, k) == v,
        noun="can_pay",
        result="can_pay",
        expression="$v >= $k",
        parameters=(number(5, 9),),
    ),
)

TALLY = (
    Operation(
        name="add_one",
        source="tally",
        target="tally",
        concepts=("counter_classes", "dictionary_lookup"),
        do=("count $k once more",),
        give=(),
        meaning=lambda v, k: {key: v.get(key, 0) + (key == k) for key in [*v, k]},
        noun="count",
        result="",
        change="$v[$k] = $v.get($k, 0) + 1",
        parameters=(_LABEL,),
    ),
    Operation(
        name="add_several",
        source="tally",
        target="tally",
        concepts=("counter_classes", "dictionary_lookup"),
        do=("add $j to the count of $k",),
        give=(),
        meaning=lambda v, k, j: {key: v.get(key, 0) + (j if key == k else 0) for key in [*v, k]},
        noun="count",
        result="",
        change="$v[$k] = $v.get($k, 0) + $j",
        parameters=(_LABEL, number(2, 9, name="j")),
    ),
    Operation(
        name="forget",
        source="tally",
        target="tally",
        concepts=("counter_classes", "dictionaries"),
        do=("forget $k if it is known",),
        give=(),
        meaning=lambda v, k: {key: value for key, value in v.items() if key != k},
        noun="forget",
        result="",
        change="$v.pop($k, None)",
        parameters=(_LABEL,),
    ),
    Operation(
        name="tally_total",
        source="tally",
        target="integer",
        concepts=("counter_classes", "accumulators"),
        do=("add up all counts",),
        give=("the sum of all counts",),
        meaning=lambda v: sum(v[key] for key in v),
        noun="total",
        result="total",
        expression="sum($v.values())",
    ),
    Operation(
        name="tally_entries",
        source="tally",
        target="counts",
        concepts=("counter_classes", "simple_classes"),
        do=("copy the counts",),
        give=("a copy of the counts",),
        meaning=lambda v: {key: v[key] for key in v},
        noun="counts",
        result="copied",
        expression="dict($v)",
    ),
    Operation(
        name="tally_keys",
        source="tally",
        target="words",
        concepts=("counter_classes", "sorting"),
        do=("list the counted names in alphabetical order",),
        give=("the counted names in alphabetical order",),
        meaning=lambda v: sorted(v.keys()),
        noun="names",
        result="counted_names",
        expression="sorted($v)",
    ),
)

OPERATIONS = (*ACCOUNT, *TALLY)
