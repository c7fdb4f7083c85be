"""Which blueprints are ordered: balanced over operations, wide over pairs, and never what is held out.

Reads the catalogue. Its one idea: every operation is the heart of equally many chains, and its neighbours are drawn
freely around it, so that rare types are not starved and pairs are covered widely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.catalogue import MAKING, OPERATIONS, READING, practised
from codeprimer.curriculum.compose import settle
from codeprimer.curriculum.heldout import NOTHING, HeldOut
from codeprimer.curriculum.operation import Operation
from codeprimer.curriculum.values import TYPES

LENGTHS = (1, 2, 2, 3, 3, 3)
"""Chain lengths to draw from."""
STYLE_WEIGHTS = {"steps": 58, "expression": 18, "loop": 10, "recursion": 5, "guard": 5, "helper": 4}
METHOD_SHARE = 0.05

TRIES = 25
"""How often a sound blueprint is looked for around one operation."""

HEARTS = tuple(operation.name for operation in practised())


def draw_chain(heart: str, length: int, random: Random) -> tuple[str, ...] | None:
    """Return a chain around one operation, or None where there is none without repeating one."""
    chain: list[Operation] = [OPERATIONS[heart]]
    while len(chain) < length:
        before = [operation for operation in MAKING.get(chain[0].source, ()) if operation not in chain]
        after = [operation for operation in READING.get(chain[-1].target, ()) if operation not in chain]
        if not before and not after:
            return None
        if after and (not before or random.random() < 0.5):
            chain.append(random.choice(after))
        else:
            chain.insert(0, random.choice(before))
    return tuple(operation.name for operation in chain)


def draw_blueprint(random: Random, lengths: Sequence[int] = LENGTHS, hearts: Sequence[str] = HEARTS) -> Blueprint:
    """Return a blueprint around one of ``hearts``, at least one of which must be able to be part of an exercise."""
    while True:
        blueprint = try_blueprint(random.choice(hearts), random.choice(lengths), random)
        if blueprint is not None:
            return blueprint


def try_blueprint(heart: str, length: int, random: Random) -> Blueprint | None:
    """Return a blueprint around one operation, or None where the drawn chain cannot stand alone."""
    chain = draw_chain(heart, length, random)
    if chain is None or not can_stand(chain):
        return None
    source = OPERATIONS[chain[0]].source
    style = random.choices(tuple(STYLE_WEIGHTS), tuple(STYLE_WEIGHTS.values()))[0]
    frame = "method" if _wants_method(source, random) else "function"
    return Blueprint(source, chain, style, frame, random.getrandbits(48))


def orders(random: Random, held_out: HeldOut = NOTHING, lengths: Sequence[int] = LENGTHS) -> Iterator[Blueprint]:
    """Yield blueprints without end, each operation the heart of equally many.

    Only such are ordered as contain nothing held out and can be tested; an operation that hardly ever can is left out
    of a round after some tries.
    """
    while True:
        hearts = list(HEARTS)
        random.shuffle(hearts)
        for heart in hearts:
            drawn = (try_blueprint(heart, random.choice(lengths), random) for _ in range(TRIES))
            sound = (one for one in drawn if one is not None and is_sound(one, held_out))
            if (blueprint := next(sound, None)) is not None:
                yield blueprint


def is_sound(blueprint: Blueprint, held_out: HeldOut = NOTHING) -> bool:
    """Tell whether a blueprint contains nothing held out and can be tested."""
    return not held_out.forbids(blueprint.operations) and settle(blueprint)[1] is not None


def can_stand(chain: tuple[str, ...]) -> bool:
    """Tell whether a chain is a whole exercise: it starts from an input and ends in something to return."""
    first, last = OPERATIONS[chain[0]], OPERATIONS[chain[-1]]
    return bool(TYPES[first.source].parameters) and not last.change


def _wants_method(source: str, random: Random) -> bool:
    kind = TYPES[source]
    return kind.methods_only or (bool(kind.classes) and random.random() < METHOD_SHARE)
