"""Operations on the state of an account or a tally; they complete methods of given classes."""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.operation import Parameter, means, number, operations_in


def _item(random: Random) -> int:
    return random.randrange(1, 21)


def _label(random: Random) -> str:
    return random.choice(["fig", "ann", "red", "cat", "dog", "owl"])


_AMOUNT = Parameter(_item, ("amount", "payment"), always=True)
_LABEL = Parameter(_label, ("label", "tag"), "str", always=True)

OPERATIONS = operations_in(
    __file__,
    {
        "deposit": means(lambda v, k: sum((v, k)), _AMOUNT),
        "withdraw": means(lambda v, k: v - k if k <= v else v, _AMOUNT),
        "charge": means(lambda v, k: v + -k, number(2, 9)),
        "add_interest": means(lambda v, k: v + divmod(v * k, 100)[0], number(5, 9), domain=lambda v, k: v >= 0),
        "balance": means(lambda v: v),
        "can_pay": means(lambda v, k: max(v, k) == v, number(5, 9)),
        "add_one": means(lambda v, k: {key: v.get(key, 0) + (key == k) for key in [*v, k]}, _LABEL),
        "add_several": means(
            lambda v, k, j: {key: v.get(key, 0) + (j if key == k else 0) for key in [*v, k]},
            _LABEL,
            number(2, 9, name="j"),
        ),
        "forget": means(lambda v, k: {key: value for key, value in v.items() if key != k}, _LABEL),
        "tally_total": means(lambda v: sum(v[key] for key in v)),
        "tally_entries": means(lambda v: {key: v[key] for key in v}),
        "tally_keys": means(lambda v: sorted(v.keys())),
    },
)
