"""Operations on the state of a stack; they complete methods of a given class."""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.operation import Parameter, means, number, operations_in


def _item(random: Random) -> int:
    return random.randrange(1, 21)


_VALUE = Parameter(_item, ("new_item", "pushed"), always=True)

OPERATIONS = operations_in(
    __file__,
    {
        "push": means(lambda v, k: [*v, k], _VALUE),
        "push_number": means(lambda v, k: [*v, k], number(1, 9)),
        "discard": means(lambda v: v[: max(len(v) - 1, 0)]),
        "double_top": means(lambda v: [x + x if i == len(v) - 1 else x for i, x in enumerate(v)]),
        "repeat_top": means(lambda v: v + v[len(v) - 1 :] if v else v),
        "stack_size": means(lambda v: sum(1 for _ in v)),
        "stack_top": means(lambda v: [0, *v][-1]),
        "stack_items": means(lambda v: v[:]),
        "stack_empty": means(lambda v: len(v) == 0),
    },
)
