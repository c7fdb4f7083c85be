"""What chains do: equal by name, by meaning, and shown in a lesson."""

from __future__ import annotations

from codeprimer.curriculum.blueprints import Blueprint
from codeprimer.curriculum.catalogue import canonical, practised
from codeprimer.curriculum.heldout import NOTHING, HeldOut
from codeprimer.curriculum.values import TYPES
from codeprimer.exam.behaviour import INPUTS, Results, known_chains, run, shorter_equal


def shorter(key: str, held_out: HeldOut = NOTHING) -> tuple[str, ...] | None:
    source, *operations = key.split(">")
    return shorter_equal(Blueprint(source, tuple(operations)), held_out)


def test_a_pair_that_does_what_one_operation_does_is_found() -> None:
    assert shorter("text>list_characters>tally_words") == ("count_characters",)
    assert shorter("integers>sort>last_item") == ("largest",)
    assert shorter("grid>transpose>diagonal") == ("diagonal",)
    assert shorter("text>list_characters>lengths") is None
    assert shorter("integers>keep_even>total") is None


def test_a_triple_that_does_what_a_pair_does_is_found_unless_the_pair_is_held_out_too() -> None:
    assert shorter("text>list_characters>tally_words>key_of_largest") == ("count_characters", "key_of_largest")
    held_out = HeldOut.of(["text>count_characters>key_of_largest"])
    assert shorter("text>list_characters>tally_words>key_of_largest", held_out) is None
    assert shorter("integers>square_each>differences>largest") is None


def test_operations_of_one_meaning_have_one_name_and_others_have_their_own() -> None:
    groups: dict[tuple[str, str, Results], set[str]] = {}
    for source in dict.fromkeys(operation.source for operation in practised() if TYPES[operation.source].parameters):
        for target, listed in known_chains(source, 1).items():
            for known in listed:
                results = run(known.chain, source, INPUTS)
                groups.setdefault((source, target, results), set()).add(known.operations[0])
    alike = [group for group in groups.values() if len(group) > 1]
    assert alike == [{"sort", "insertion_sort", "selection_sort"}]
    for group in groups.values():
        assert len({canonical((name,)) for name in group}) == 1
    assert canonical(("zero_negatives", "selection_sort")) == ("zero_negatives", "sort")
