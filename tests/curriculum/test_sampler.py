"""Orders: balanced, sound, and clear of what is held out."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

from codeprimer.curriculum.cases import settle
from codeprimer.curriculum.catalogue import chain_of
from codeprimer.curriculum.heldout import NOTHING, HeldOut, pieces
from codeprimer.curriculum.sampler import balanced_blueprints, can_stand, draw_blueprint, draw_chain, is_sound
from codeprimer.curriculum.syllabus import PRACTISED


def test_a_chain_holds_its_heart_and_repeats_nothing() -> None:
    random = Random(1)
    for _ in range(300):
        chain = draw_chain("keep_even", 3, random)
        assert chain is not None and "keep_even" in chain
        assert len(set(chain)) == 3
        chain_of(chain)


def test_a_chain_stands_alone_only_from_an_input_to_a_result() -> None:
    assert can_stand(("keep_even", "total"))
    assert not can_stand(("labels_in_order",)), "nobody hands over an inverted dictionary"
    assert not can_stand(("push",)), "a method that only changes its object returns nothing"


def test_every_order_can_be_tested() -> None:
    for blueprint in islice(balanced_blueprints(Random(2)), 100):
        assert settle(blueprint)[1] is not None


def test_orders_are_balanced_over_operations() -> None:
    rounds = 8
    counts: Counter[str] = Counter()
    for blueprint in islice(balanced_blueprints(Random(3)), rounds * len(PRACTISED)):
        counts.update(blueprint.operations)
    assert len(counts) >= 0.98 * len(PRACTISED)
    ordered = sorted(counts.values())
    usual = ordered[len(ordered) // 2]
    assert ordered[len(PRACTISED) // 20] >= 0.75 * usual
    assert ordered[-1] <= 1.5 * usual, "hubs of the graph are not practised more than the rest"


def test_nothing_held_out_is_ordered() -> None:
    free = [blueprint.operations for blueprint in islice(balanced_blueprints(Random(4), lengths=(2, 3)), 300)]
    held_out = HeldOut(frozenset(free[:150]))
    for blueprint in islice(balanced_blueprints(Random(4), held_out, (2, 3)), 300):
        assert not any(piece in held_out.chains for piece in pieces(blueprint.operations))


def test_a_chain_around_a_held_out_one_is_forbidden() -> None:
    held_out = HeldOut.of(["integers>keep_even>total"])
    assert held_out.forbids(("keep_even", "total"))
    assert held_out.forbids(("sort", "keep_even", "total", "digits"))
    assert not held_out.forbids(("keep_even", "square_each", "total"))
    assert not held_out.forbids(("total",))
    assert not NOTHING.forbids(("keep_even", "total"))


def test_what_is_held_out_is_held_out_under_every_name_of_its_meaning() -> None:
    assert HeldOut.of(["integers>zero_negatives>selection_sort"]).forbids(("zero_negatives", "sort"))
    assert HeldOut.of(["integers>sort>every_second"]).forbids(("square_each", "insertion_sort", "every_second"))
    assert not HeldOut.of(["integers>sort>every_second"]).forbids(("sort_descending", "every_second"))


def test_soundness_is_both_free_and_testable() -> None:
    blueprint = draw_blueprint(Random(1), (2,), ("running_totals",))
    held_out = HeldOut(frozenset({blueprint.operations}))
    assert not is_sound(blueprint, held_out)


def test_methods_only_types_are_ordered_as_methods() -> None:
    for seed in range(20):
        assert draw_blueprint(Random(seed), (2,), ("push",)).frame == "method"
