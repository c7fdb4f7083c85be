"""Plug-ins: the built-ins come through the same entry points as anybody's; faults name the plug-in."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError
from tests.support import given, plugin_package, stage_tools

from codeprimer.core import plugins
from codeprimer.core.errors import PluginError, RecipeError, UserError
from codeprimer.core.plugins import ROLES, PluginSettings, Role, Tool
from codeprimer.core.settings import Settings

TOY = """
    from codeprimer.core.errors import SourceError
    from codeprimer.core.plugins import Plugin, PluginSettings

    class ToySettings(PluginSettings):
        limit: int = 3

    class Toy(Plugin):
        role = "filter"
        Settings = ToySettings
        def __init__(self, settings, *, teacher, seed, chatty=False):
            super().__init__(settings)
            self.teacher, self.seed = teacher, seed
        def digest(self):
            return "content"
        def fail(self):
            return 1 / 0
        def refuse(self):
            raise SourceError("this file is missing")
        def numbers(self):
            yield from range(self.settings.limit)
            raise ValueError("no more")
        def lazily(self):
            return (1 / number for number in (1, 0))
        @property
        def ratio(self):
            return 1 / 0
        @classmethod
        def reads(cls):
            return 1 / 0

    class Wrong:
        pass
"""


class Chosen(Settings):
    one: Annotated[PluginSettings, Role("filter")]
    many: tuple[Annotated[PluginSettings, Role("filter")], ...] = Field(default=())


@pytest.fixture(autouse=True)
def toy(tmp_path: Path) -> Iterator[None]:
    with plugin_package(tmp_path, TOY, filter="toy:Toy", scorer="wrong:Wrong", grader="gone:Missing"):
        yield


def made() -> Any:
    tools = stage_tools(seed=5, teacher=given("a teacher"))
    return tools.make("filter", plugins.selected("filter", "toy", limit=2))


def test_every_installed_plugin_loads_and_every_role_has_one() -> None:
    for role in ROLES:
        own = [kind for kind in plugins.kinds(role) if plugins.package_of(role, kind).startswith("codeprimer ")]
        assert all(issubclass(plugins.load(role, kind), plugins.Plugin) for kind in own)


def test_a_plugin_is_made_with_its_settings_and_the_tools_that_it_names() -> None:
    plugin = made()
    assert (plugin.settings.kind, plugin.settings.limit, plugin.teacher, plugin.seed) == ("toy", 2, "a teacher", 5)


def test_a_tool_that_does_not_exist_is_named_with_the_plugin() -> None:
    with pytest.raises(PluginError, match=r"filter 'toy' \(package toy-plugins 1\.2\) .*'teacher'"):
        stage_tools().make("filter", plugins.selected("filter", "toy"))


def test_settings_may_be_a_word_or_a_mapping_and_travel_between_processes() -> None:
    chosen = Chosen.model_validate_json('{"one": "toy", "many": [{"kind": "toy", "limit": 7}, "toy"]}')
    assert [of.model_dump() for of in (chosen.one, *chosen.many)] == [{"kind": "toy", "limit": n} for n in (3, 7, 3)]
    assert pickle.loads(pickle.dumps(chosen)) == chosen  # noqa: S301 - our own bytes
    assert chosen.identity() == {
        "one": {"kind": "toy", "limit": 3},
        "many": [{"kind": "toy", "limit": 7}, {"kind": "toy", "limit": 3}],
    }
    assert [(key, role) for key, role, _ in plugins.plugins_in(chosen)] == [
        ("one", "filter"),
        ("many.0", "filter"),
        ("many.1", "filter"),
    ]


@pytest.mark.parametrize(
    ("value", "kind", "place"),
    [
        ('{"one": {"kind": "toy", "limt": 1}}', "extra_forbidden", ("one", "limt")),
        ('{"one": {"kind": "toy", "limit": "x"}}', "int_type", ("one", "limit")),
        ('{"one": "toi"}', "plugin", ("one",)),
        ('{"one": 3}', "plugin", ("one",)),
        ('{"one": {"limit": 3}}', "plugin", ("one",)),
    ],
)
def test_what_does_not_fit_a_plugins_settings_is_found_at_its_place(value: str, kind: str, place: tuple[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        Chosen.model_validate_json(value)
    [finding] = raised.value.errors()
    assert (finding["type"], finding["loc"]) == (kind, place)


def test_a_mapping_without_a_kind_is_one_of_the_default_kind() -> None:
    found = Role("filter", "toy").parse({"limit": 4})
    assert found.model_dump() == {"kind": "toy", "limit": 4}


def test_an_exception_in_a_plugin_names_the_plugin_and_the_line() -> None:
    with pytest.raises(PluginError, match=r"'toy' \(toy_plugins\).*ZeroDivisionError.*toy_plugins\.py:\d+, in fail"):
        made().fail()


def test_an_exception_in_what_a_plugin_yields_names_it_too() -> None:
    numbers = made().numbers()
    assert [next(numbers), next(numbers)] == [0, 1]
    with pytest.raises(PluginError, match=r"'toy'.*ValueError: no more"):
        next(numbers)
    with pytest.raises(PluginError, match=r"'toy'.*ZeroDivisionError"):
        list(made().lazily())


def test_an_error_that_a_plugin_raises_on_purpose_passes() -> None:
    with pytest.raises(UserError, match="this file is missing") as raised:
        made().refuse()
    assert not isinstance(raised.value, PluginError)


@pytest.mark.parametrize(
    ("role", "kind", "fault"), [("scorer", "wrong", "is not a class"), ("grader", "gone", "Missing")]
)
def test_what_is_no_plugin_is_named_with_its_package(role: str, kind: str, fault: str) -> None:
    with pytest.raises(PluginError, match=rf"{role} '{kind}' \(toy_plugins:\w+, package toy-plugins 1\.2\).*{fault}"):
        plugins.load(role, kind)


def test_an_unknown_kind_is_answered_with_the_nearest_known() -> None:
    with pytest.raises(RecipeError, match=r"source 'foldr' is not installed; did you mean 'folder'\?"):
        plugins.load("source", "foldr")


def test_what_a_plugin_is_made_of_goes_into_ids(tmp_path: Path) -> None:
    def identity(teacher: str) -> dict[str, Any]:
        toolbox = {"teacher": Tool(lambda: teacher, lambda: teacher), "seed": Tool(lambda: 5, lambda: 5)}
        return plugins.identity("filter", plugins.selected("filter", "toy"), toolbox)

    first = identity("a")
    assert first["reads"] == "content"
    assert first["tools"] == {"teacher": "a", "seed": 5}
    assert identity("b") != first
    (tmp_path / "toy_plugins.py").write_text((tmp_path / "toy_plugins.py").read_text() + "# changed\n")
    plugins.code_digest.cache_clear()
    assert identity("a")["code"] != first["code"], "a plug-in whose code has changed makes other artefacts"


UNUSABLE = """
    from codeprimer.corpus.filter import Filter
    from codeprimer.quality.scorer import Scorer
    from codeprimer.benchmarks.grader import Grader

    class Silent(Filter):
        def chek(self, file):
            return None

    class Strange(Filter):
        def check(self, file):
            return None

    class Greedy(Grader):
        in_workers = True
        def __init__(self, settings, *, console):
            super().__init__(settings)
        def grade(self, benchmark, answers):
            return []
"""


@pytest.mark.parametrize(
    ("role", "kind", "facts"),
    [
        ("filter", "silent", r"'silent'.*package toy-plugins 1\.2.*does not define check"),
        ("grader", "strange", r"'strange'.*derived from codeprimer's Grader"),
        ("grader", "greedy", r"'greedy'.*requests console.*worker processes"),
    ],
)
def test_a_class_that_cannot_play_its_role_is_refused_when_it_is_loaded(
    role: str, kind: str, facts: str, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    with (
        plugin_package(tmp_path / "more", UNUSABLE, filter="silent:Silent", grader="strange:Strange greedy:Greedy"),
        pytest.raises(PluginError, match=facts),
    ):
        plugins.load(role, kind)


def test_a_kind_that_two_packages_provide_is_refused_with_both_names(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    with (
        plugin_package(tmp_path / "more", UNUSABLE, filter="tests:Strange"),
        pytest.raises(PluginError, match=r"'tests'.*codeprimer, toy-plugins"),
    ):
        plugins.load("filter", "tests")


@pytest.mark.parametrize("use", [lambda toy: toy.ratio, lambda toy: type(toy).reads()])
def test_an_exception_in_a_property_or_a_class_method_names_the_plugin(use: Any) -> None:
    with pytest.raises(PluginError, match=r"(?i)'toy' \(toy_plugins\) failed with ZeroDivisionError.*toy_plugins\.py"):
        use(made())


@pytest.mark.parametrize("value", [{1: "a"}, b"a", object()])
def test_a_value_that_is_not_json_is_an_error_with_a_sentence(value: Any) -> None:
    with pytest.raises(RecipeError, match="filter"):
        plugins.selected("filter", "toy", limit=value)
