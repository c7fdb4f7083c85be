"""Names: natural, valid, never the same for two things."""

from __future__ import annotations

import builtins
import keyword
from random import Random

from codeprimer.authors.offline.naming import draw_names, function_name
from codeprimer.curriculum.catalogue import chain_of
from codeprimer.curriculum.sampler import draw_blueprint
from codeprimer.curriculum.values import TYPES


def names_of(*operations: str) -> set[str]:
    return {function_name(chain_of(operations), Random(seed)) for seed in range(60)}


def test_a_functions_name_says_what_it_yields() -> None:
    assert {"total_of_evens", "total_from_evens", "get_total", "compute_total"} <= names_of("keep_even", "total")
    assert names_of("is_prime") == {"is_prime", "check_prime"}
    assert names_of("digit_sum", "is_prime") == {"is_prime_digit_sum"}


def test_names_are_identifiers_and_hide_no_builtin() -> None:
    for seed in range(300):
        blueprint = draw_blueprint(Random(seed))
        names = draw_names(blueprint.source, chain_of(blueprint.operations), Random(seed))
        for name in (names.function, names.parameter, names.element, names.word, names.character):
            assert name.isidentifier() and not keyword.iskeyword(name) and not hasattr(builtins, name)


def test_types_draw_values_of_their_kind_that_differ() -> None:
    checks = {"integer": int, "text": str, "integers": list, "counts": dict, "integer_set": set, "pair": tuple}
    for name, expected in checks.items():
        drawn = [TYPES[name].draw(Random(seed)) for seed in range(50)]
        assert all(type(value) is expected for value in drawn)
        assert len({repr(value) for value in drawn}) > 5


def test_a_type_that_starts_exercises_has_parameters_and_what_holds_state_has_classes() -> None:
    for kind in TYPES.values():
        assert len(set(kind.parameters)) == len(kind.parameters)
        assert kind.classes or not kind.methods_only
        assert all(name[0].isupper() for name in kind.classes)
