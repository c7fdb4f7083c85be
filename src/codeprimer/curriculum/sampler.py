"""Sampling blueprints that are balanced over operations, combine many different operations, and are not held out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.cases import settle
from codeprimer.curriculum.catalogue import MAKING, OPERATIONS, READING, practised
from codeprimer.curriculum.heldout import NOTHING, HeldOut
from codeprimer.curriculum.operation import Operation
from codeprimer.curriculum.values import TYPES

LENGTHS = (1, 2, 2, 3, 3, 3)
"""Chain lengths from which a length is drawn."""
STYLE_WEIGHTS = {"steps": 58, "expression": 18, "loop": 10, "recursion": 5, "guard": 5, "helper": 4}
METHOD_PROBABILITY = 0.05

TRIES = 25
"""Maximum number of attempts to draw a blueprint around one operation."""

ANCHORS = tuple(operation.name for operation in practised())


NO_USES: Mapping[str, int] = Counter()


def draw_chain(anchor: str, length: int, random: Random, uses: Mapping[str, int] = NO_USES) -> tuple[str, ...] | None:
    """Return a random chain around one operation, or None if there is none without repetitions.

    Operations with fewer ``uses`` are more likely.
    """
    chain: list[Operation] = [OPERATIONS[anchor]]
    while len(chain) < length:
        before = [operation for operation in MAKING.get(chain[0].source, ()) if operation not in chain]
        after = [operation for operation in READING.get(chain[-1].target, ()) if operation not in chain]
        if not before and not after:
            return None
        if after and (not before or random.random() < 0.5):
            chain.append(_draw(after, random, uses))
        else:
            chain.insert(0, _draw(before, random, uses))
    return tuple(operation.name for operation in chain)


def _draw(operations: Sequence[Operation], random: Random, uses: Mapping[str, int]) -> Operation:
    weights = [1.0 / (1 + uses[operation.name]) for operation in operations]
    return random.choices(operations, weights)[0]


def draw_blueprint(random: Random, lengths: Sequence[int] = LENGTHS, anchors: Sequence[str] = ANCHORS) -> Blueprint:
    """Return a random blueprint around one of ``anchors``, at least one of which must be usable in an exercise."""
    while True:
        blueprint = try_blueprint(random.choice(anchors), random.choice(lengths), random)
        if blueprint is not None:
            return blueprint


def try_blueprint(anchor: str, length: int, random: Random, uses: Mapping[str, int] = NO_USES) -> Blueprint | None:
    """Return a blueprint around one operation, or None if the drawn chain is not a complete exercise."""
    chain = draw_chain(anchor, length, random, uses)
    if chain is None or not can_stand(chain):
        return None
    source = OPERATIONS[chain[0]].source
    style = random.choices(tuple(STYLE_WEIGHTS), tuple(STYLE_WEIGHTS.values()))[0]
    frame = "method" if _wants_method(source, random) else "function"
    return Blueprint(source, chain, style, frame, random.getrandbits(48))


def balanced_blueprints(
    random: Random, held_out: HeldOut = NOTHING, lengths: Sequence[int] = LENGTHS
) -> Iterator[Blueprint]:
    """Yield an endless stream of testable blueprints without held-out compositions; all operations occur about equally often.

    Each round yields a blueprint around every operation with at most the mean number of uses, unless ``TRIES`` draws fail.
    """
    uses: Counter[str] = Counter()
    while True:
        mean = uses.total() / len(ANCHORS)
        anchors = [anchor for anchor in ANCHORS if uses[anchor] <= mean]
        random.shuffle(anchors)
        for anchor in anchors:
            drawn = (try_blueprint(anchor, random.choice(lengths), random, uses) for _ in range(TRIES))
            sound = (one for one in drawn if one is not None and is_sound(one, held_out))
            if (blueprint := next(sound, None)) is not None:
                uses.update(blueprint.operations)
                yield blueprint


def is_sound(blueprint: Blueprint, held_out: HeldOut = NOTHING) -> bool:
    """Return whether a blueprint can be tested and does not contain a held-out composition."""
    return not held_out.forbids(blueprint.operations) and settle(blueprint)[1] is not None


def can_stand(chain: tuple[str, ...]) -> bool:
    """Return whether a chain is a complete exercise: it starts from an input and returns a value."""
    first, last = OPERATIONS[chain[0]], OPERATIONS[chain[-1]]
    return bool(TYPES[first.source].parameters) and not last.change


def _wants_method(source: str, random: Random) -> bool:
    kind = TYPES[source]
    return kind.methods_only or (bool(kind.classes) and random.random() < METHOD_PROBABILITY)
