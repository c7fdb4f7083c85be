"""Operations on the state of a stack; they complete methods of a given class."""

from __future__ import annotations

from random import Random

from codeprimer.curriculum.operation import Operation, Parameter, number


def _item(random: Random) -> int:
    return random.randrange(1, 21)


_VALUE = Parameter(_item, ("new_item", "pushed"), always=True)

OPERATIONS = (
    Operation(
        name="push",
        source="stack",
        target="stack",
        concepts=("stacks", "object_state"),
        do=("push $k onto $it", "put $k on top of $it"),
        give=(),
        meaning=lambda v, k: [*v, k],
        noun="push",
        result="",
        change="$v.append($k)",
        parameters=(_VALUE,),
    ),
    Operation(
        name="push_number",
        source="stack",
        target="stack",
        concepts=("stacks", "object_state"),
        do=("push the number $k",),
        give=(),
        meaning=lambda v, k: [*v, k],
        noun="push",
        result="",
        change="$v.append($k)",
        parameters=(number(1, 9),),
    ),
    Operation(
        name="discard",
        source="stack",
        target="stack",
        concepts=("stacks", "object_state"),
        do=("drop the top item, if any",),
        give=(),
        meaning=lambda v: v[: max(len(v) - 1, 0)],
        noun="drop",
        result="",
        change="if $v:\n    $v.pop()",
    ),
    Operation(
        name="double_top",
        source="stack",
        target="stack",
        concepts=("stacks", "list_indexing"),
        do=("double the top item, if any",),
        give=(),
        meaning=lambda v: [x + x if i == len(v) - 1 else x for i, x in enumerate(v)],
        noun="double",
        result="",
        change="if $v:\n    $v[-1] *= 2",
    ),
    Operation(
        name="repeat_top",
        source="stack",
        target="stack",
        concepts=("stacks", "list_indexing"),
        do=("repeat the top item, if any",),
        give=(),
        meaning=lambda v: v + v[len(v) - 1 :] if v else v,
        noun="repeat",
        result="",
        change="if $v:\n    $v.append($v[-1])",
    ),
    Operation(
        name="stack_size",
        source="stack",
        target="integer",
        concepts=("stacks", "simple_classes"),
        do=("count the items of $it",),
        give=("the number of items", "how many items are on $it"),
        meaning=lambda v: sum(1 for _ in v),
        noun="size",
        result="total_size",
        expression="len($v)",
    ),
    Operation(
        name="stack_top",
        source="stack",
        target="integer",
        concepts=("stacks", "list_indexing"),
        do=("read the top item (0 if none)",),
        give=("the top item (0 if none)",),
        meaning=lambda v: [0, *v][-1],
        noun="top",
        result="top",
        expression="$v[-1] if $v else 0",
        returning=("if not $v:\n    return 0\nreturn $v[-1]",),
    ),
    Operation(
        name="stack_items",
        source="stack",
        target="integers",
        concepts=("stacks", "simple_classes"),
        do=("list the items of $it",),
        give=("a list of the items",),
        meaning=lambda v: v[:],
        noun="items",
        result="contents",
        expression="list($v)",
    ),
    Operation(
        name="stack_empty",
        source="stack",
        target="truth",
        concepts=("stacks", "booleans"),
        do=("test whether $it is empty",),
        give=("True if $it is empty", "whether $it is empty"),
        meaning=lambda v: len(v) == 0,
        noun="is_empty",
        result="is_empty",
        expression="not $v",
    ),
)
