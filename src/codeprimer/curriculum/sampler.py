"""Which blueprints are ordered: balanced over operations, wide over pairs, and never what is held out.

Reads the catalogue. Its one idea: what has been used little so far is drawn first, so that every operation is practised
about equally often, whether many or few others fit beside it.
"""

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
"""Chain lengths to draw from."""
STYLE_WEIGHTS = {"steps": 58, "expression": 18, "loop": 10, "recursion": 5, "guard": 5, "helper": 4}
METHOD_SHARE = 0.05

TRIES = 25
"""How often a sound blueprint is looked for around one operation."""

HEARTS = tuple(operation.name for operation in practised())


NO_USES: Mapping[str, int] = Counter()


def draw_chain(heart: str, length: int, random: Random, uses: Mapping[str, int] = NO_USES) -> tuple[str, ...] | None:
    """Return a chain around one operation, or None where there is none without repeating one.

    Its neighbours are drawn by chance, the less used ones more often; ``uses`` counts operations.
    """
    chain: list[Operation] = [OPERATIONS[heart]]
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


def draw_blueprint(random: Random, lengths: Sequence[int] = LENGTHS, hearts: Sequence[str] = HEARTS) -> Blueprint:
    """Return a blueprint around one of ``hearts``, at least one of which must be able to be part of an exercise."""
    while True:
        blueprint = try_blueprint(random.choice(hearts), random.choice(lengths), random)
        if blueprint is not None:
            return blueprint


def try_blueprint(heart: str, length: int, random: Random, uses: Mapping[str, int] = NO_USES) -> Blueprint | None:
    """Return a blueprint around one operation, or None where the drawn chain cannot stand alone."""
    chain = draw_chain(heart, length, random, uses)
    if chain is None or not can_stand(chain):
        return None
    source = OPERATIONS[chain[0]].source
    style = random.choices(tuple(STYLE_WEIGHTS), tuple(STYLE_WEIGHTS.values()))[0]
    frame = "method" if _wants_method(source, random) else "function"
    return Blueprint(source, chain, style, frame, random.getrandbits(48))


def orders(random: Random, held_out: HeldOut = NOTHING, lengths: Sequence[int] = LENGTHS) -> Iterator[Blueprint]:
    """Yield blueprints without end, in rounds; a round has a chain around every operation used less than most.

    Only such are ordered as contain nothing held out and can be tested; an operation that hardly ever can is left out
    of a round after some tries.
    """
    uses: Counter[str] = Counter()
    while True:
        usual = uses.total() / len(HEARTS)
        hearts = [heart for heart in HEARTS if uses[heart] <= usual]
        random.shuffle(hearts)
        for heart in hearts:
            drawn = (try_blueprint(heart, random.choice(lengths), random, uses) for _ in range(TRIES))
            sound = (one for one in drawn if one is not None and is_sound(one, held_out))
            if (blueprint := next(sound, None)) is not None:
                uses.update(blueprint.operations)
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
