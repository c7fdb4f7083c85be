"""Recipes: strict, composed of the stages' own settings, printed and read back unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codeprimer.core.errors import RecipeError
from codeprimer.core.settings import Settings
from codeprimer.corpus.sources.columns import ColumnSettings
from codeprimer.model.config import PhiConfig
from codeprimer.run.flow import flow, steps_until
from codeprimer.run.loading import load_recipe, parse_recipe
from codeprimer.run.machine import with_machine, with_start
from codeprimer.run.recipe import Recipe
from codeprimer.run.recipe_text import render_recipe, render_reference
from codeprimer.training.plan import Plan

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_survives_being_printed(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path)
    printed = tmp_path / "printed.yaml"
    printed.write_text(render_recipe(recipe))
    assert load_recipe(printed) == recipe


def test_the_control_has_the_tokens_and_the_schedule_of_base_and_tuned() -> None:
    training = load_recipe(ROOT / "recipes" / "tiny.yaml").training
    control = training.control_settings()
    others = (*training.base_settings().phases, *training.tuned_settings().phases)
    assert [phase.model_copy(update={"mixture": {}}) for phase in control.phases] == [
        phase.model_copy(update={"mixture": {}}) for phase in others
    ]
    assert all(phase.mixture == {"raw": 1.0} for phase in control.phases)


def test_every_step_comes_after_what_it_reads_and_its_inputs_are_what_its_stage_reads() -> None:
    seen: set[str] = set()
    steps = flow(parse_recipe({"name": "x"}, "test"))
    for step in steps:
        assert set(step.inputs.values()) <= seen
        assert set(step.inputs) == set(step.stage.reads)
        seen.add(step.name)
    assert [step.link for step in steps if step.number in (5, 20, 70, 71, 72, 90)] == [
        "05-exam",
        "20-quality",
        "70-control",
        "71-base",
        "72-tuned",
        "90-report",
    ]
    assert [step.number for step in steps] == sorted(step.number for step in steps)


ANNEALING = {
    "base": {"mixture": {"code": 0.7, "textbooks": 0.3}, "decay": "none", "order": {"textbooks": "curriculum"}},
    "annealed": {
        "mixture": {"textbooks": 1.0},
        "tokens": 100_000,
        "order_noise": 0.1,
        "order": {"textbooks": "curriculum"},
    },
}


def test_annealing_goes_on_where_base_ends_with_other_data_and_the_control_follows(tmp_path: Path) -> None:
    recipe = parse_recipe({"name": "x", "training": ANNEALING}, "test")
    base, annealed = recipe.training.base_settings().phases
    assert (base.name, annealed.name, annealed.mixture) == ("base", "annealed", {"textbooks": 1.0})
    plan = Plan(recipe.training.base_settings())
    rates = [plan.position(step).learning_rate for step in range(plan.total)]
    assert rates[plan.ends[0] - 1] == rates[plan.ends[0]] == base.peak_learning_rate > rates[-1]
    assert annealed.keeps_optimizer
    control = recipe.training.control_settings().phases
    assert [phase.name for phase in control] == ["base", "annealed", "tuned"]
    assert [phase.keeps_optimizer for phase in control] == [False, True, False]
    assert all((phase.mixture, phase.order, phase.order_noise) == ({"raw": 1.0}, {}, 0.0) for phase in control)
    printed = tmp_path / "printed.yaml"
    printed.write_text(render_recipe(recipe))
    assert load_recipe(printed) == recipe


def test_models_read_held_out_code_only_where_it_is_looked_at() -> None:
    def reads(**training: int) -> list[bool]:
        steps = flow(parse_recipe({"name": "x", "training": training}, "test"))
        assert all(set(step.inputs) == set(step.stage.reads) for step in steps)
        return ["quality" in step.inputs for step in steps if step.name in ("control", "base", "tuned")]

    assert reads() == [False] * 3
    assert reads(heldout_every=10) == [True] * 3


def test_base_may_be_chosen_by_held_out_code_and_the_control_may_not() -> None:
    training = parse_recipe({"name": "x", "training": {"base_selections": 3, "heldout_every": 10}}, "test").training
    settings = training.control_settings(), training.base_settings(), training.tuned_settings()
    assert [of.selections for of in settings] == [1, 3, 4]


def test_until_takes_only_what_the_step_needs() -> None:
    recipe = parse_recipe({"name": "x"}, "test")
    assert [step.name for step in steps_until(recipe, "quality")] == ["corpus", "quality"]
    assert [step.name for step in steps_until(recipe, "20-quality")] == ["corpus", "quality"]
    assert [step.name for step in steps_until(recipe, "exercises")] == ["exam", "exercises"]
    with pytest.raises(RecipeError, match="did you mean 'quality'"):
        steps_until(recipe, "qualty")


def test_decisions_of_the_machine_fill_only_what_the_recipe_leaves_open() -> None:
    open_recipe = parse_recipe({"name": "x"}, "test")
    machine = {"precision": "bfloat16", "threads": 2, "device": "cuda"}
    decided = with_machine(open_recipe, machine).training
    assert (decided.precision, decided.threads, decided.device) == ("bfloat16", 2, "cuda")
    fixed = parse_recipe({"name": "x", "training": {"precision": "float32", "threads": 1, "device": "cpu"}}, "test")
    assert with_machine(fixed, machine) == fixed


def test_relative_paths_are_taken_from_the_recipes_folder(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("corpus: {sources: [{kind: folder, name: code, path: code}]}")
    assert load_recipe(path).corpus.sources[0].path == tmp_path / "code"


def test_a_benchmark_file_is_taken_from_the_recipes_folder_and_a_name_stays_a_name(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("exam: {benchmarks: [auto, mbpp, mine.jsonl]}")
    auto, mbpp, mine = load_recipe(recipe).exam.benchmarks
    assert (auto.kind, mbpp.kind, mbpp.path) == ("auto", "mbpp", None)
    assert (mine.kind, mine.path) == ("file", tmp_path / "mine.jsonl")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.model.context=64"], r"training\.model\.context: 64 is less than tokens\.context \(256\)"),
        (
            ["training.tuned.decay_fraction=0.3"],
            r"training\.tuned\.decay_fraction: 0\.3 has no effect with decay: linear",
        ),
        (
            ["training.base.decay=none", "training.base.min_lr_ratio=0.1"],
            r"training\.base\.min_lr_ratio: 0\.1 has no effect with decay: none",
        ),
        (["training.base.order_noise=0.1"], r"training\.base\.order_noise: 0\.1 has no effect without"),
        (
            ["training.tuned.order={code: curriculum}"],
            r"training\.tuned\.order\.code: the phase's mixture has no such set",
        ),
        (
            ["training.annealed={mixture: {code: 1.0}, tokens: 10}"],
            r"training\.annealed: .* learning rate at which base ends, which is 0",
        ),
        (
            ["training.annealed={mixture: {cod: 1.0}, tokens: 10}", "training.base.decay=none"],
            r"training\.annealed\.mixture\.cod: there is no such training set; did you mean 'code'",
        ),
        (["training.base_selections=3"], r"training\.base_selections: .* 3 checkpoints"),
        (["training.base.muon_lr_scale=2"], r"training\.base\.muon_lr_scale: 2 has no effect with optimizer: adamw"),
    ],
)
def test_sections_that_contradict_each_other_are_one_sentence(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("training: {threads: 1}\n")
    load_recipe(recipe)
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe, overrides)


def test_one_setting_of_a_phase_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("seed: 1\n")
    default = load_recipe(recipe).training
    changed = load_recipe(recipe, ["training.base.tokens=200000", "training.tuned.optimizer=muon"]).training
    assert changed.base == default.base.model_copy(update={"tokens": 200_000})
    assert changed.tuned == default.tuned.model_copy(update={"optimizer": "muon"})
    assert [phase.name for phase in changed.control_settings().phases] == ["base", "tuned"]


def test_a_phase_has_no_name_to_give(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("training: {base: {name: mine}}\n")
    with pytest.raises(RecipeError, match=r"training\.base\.name: unknown key"):
        load_recipe(recipe)


PHASE = {"tokens": 1000}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tokens": {"mixture": {"exercise": 1.0}}}, r"tokens\.mixture\.exercise: .* did you mean 'exercises'\?"),
        ({"tokens": {"limit_tokens": {"rawr": 9}}}, r"tokens\.limit_tokens\.rawr: .* did you mean 'raw'\?"),
        ({"training": {"base": {**PHASE, "mixture": {"cod": 1.0}}}}, r"training\.base\.mixture\.cod: .* 'code'\?"),
        (
            {"training": {"tuned": {**PHASE, "mixture": {"x": 1.0}}}},
            r"training\.tuned\.mixture\.x: .* known: raw, code,",
        ),
        ({"quality": {"annotator": "rubrik"}}, r"quality\.annotator: annotator 'rubrik' .* did you mean 'rubric'\?"),
        ({"exercises": {"author": "ofline"}}, r"exercises\.author: author 'ofline' .* did you mean 'offline'\?"),
        (
            {"corpus": {"sources": [{"kind": "foldr", "name": "x"}]}},
            r"corpus\.sources\.0\.kind: source 'foldr' .* 'folder'\?",
        ),
    ],
)
def test_a_name_that_nothing_has_is_an_error_when_the_recipe_is_read(values: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe({"name": "x", **values}, "test")


def test_saving_states_more_often_does_not_make_another_model() -> None:
    often, seldom = (
        parse_recipe({"name": "x", "training": {"checkpoint_every": steps}}, "test").training.tuned_settings()
        for steps in (5, 50)
    )
    assert often.identity() == seldom.identity()


def test_the_reference_lists_the_fields_of_a_source_and_the_words_of_a_choice() -> None:
    reference = render_reference()
    sources = reference.partition("### source: jsonl\n")[2].partition("\n### ")[0]
    assert all(f"| `{name}` |" in sources for name in ColumnSettings.model_fields if name != "kind")
    for setting, words in (("decay", "linear, cosine, stable, none"), ("optimizer", "adamw, muon")):
        row = next(line for line in reference.splitlines() if line.startswith(f"| `base.{setting}`"))
        assert f"One of {words}." in row
    assert "One of auto, float32, bfloat16, float16." in reference
    assert "One of linear, cosine, stable, none." in render_recipe(parse_recipe({"name": "x"}, "test"))


def test_the_reference_names_every_setting() -> None:
    reference = render_reference()
    for name, field in Recipe.model_fields.items():
        if isinstance(field.default, Settings):
            for setting in type(field.default).model_fields:
                assert f"`{setting}" in reference, f"{name}.{setting}"


STRANGE_YAML = {
    "a date that no calendar has": ("seed: 2024-13-45", "line 1: '2024-13-45' is not a valid timestamp"),
    "a number without digits": ("seed: 0x_", "line 1: '0x_' is not a valid int"),
    "a number of 5,000 digits": ("name: x\nseed: " + "9" * 5_000, "line 2: '999"),
    "a wrong tag": ("seed: !!int much", "line 1: 'much' is not a valid int"),
    "an empty value with a tag": ("seed: !!int ''", "line 1: '' is not a valid int"),
    "a truth that is none": ("seed: !!bool perhaps", "line 1: 'perhaps' is not a valid bool"),
    "a time that is none": ("seed: !!timestamp soon", "line 1: 'soon' is not a valid timestamp"),
    "a list as key": ("name: x\n? [a]\n: 1", "line 2: a key is a list or a mapping"),
    "a mapping as key": ("quality: {? {a: 1} : 2}", "line 1: a key is a list or a mapping"),
    "3,000 lists in each other": ("seed: " + "[" * 3_000 + "]" * 3_000, "nested too deeply"),
    "a list that holds itself": ("seed: &a [*a]", "found unconstructable recursive node"),
    "a null character": ("seed: \x00", "not YAML: unacceptable character"),
    "a null character in a path": (
        'corpus: {sources: [{kind: folder, name: x, path: "a\\0b"}]}',
        "corpus.sources.0.path: 'a\\x00b' is not a valid path",
    ),
    "the home of nobody": (
        'corpus: {sources: [{kind: folder, name: x, path: "~nosuchuser/code"}]}',
        "corpus.sources.0.path: '~nosuchuser/code' is not a valid path",
    ),
    "links in a circle": (
        "exam: {benchmarks: [circle/file.jsonl]}",
        "exam.benchmarks.0.path: 'circle/file.jsonl' is not a valid path (Symlink loop",
    ),
}


@pytest.mark.parametrize("name", STRANGE_YAML)
def test_whatever_a_recipe_holds_an_error_is_one_line_with_the_file_and_the_place(name: str, tmp_path: Path) -> None:
    text, expected = STRANGE_YAML[name]
    (tmp_path / "circle").symlink_to("circle")
    path = tmp_path / "strange.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["2024-13-45", "0x_", "[" * 3_000, "{[a]: 1}"])
def test_a_strange_override_is_one_sentence_too(value: str, tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text("seed: 1")
    with pytest.raises(RecipeError, match="the value is not YAML"):
        load_recipe(path, [f"seed={value}"])


TEACHER = "name: asked\nteacher: {base_url: 'http://127.0.0.1:1/v1', model: m%s}\n"


@pytest.mark.parametrize(
    ("teacher", "said"),
    [
        (TEACHER.replace("base_url", "base_ulr") % "", "teacher.base_ulr: unknown key; did you mean 'base_url'"),
        (TEACHER % ", price: {inptu: 1, output: 2}", "teacher.price.inptu: unknown key"),
        (TEACHER % ", api_key_env: sk-proj-secret", "teacher.api_key_env: give the name of an environment variable"),
        (
            TEACHER % ", max_tokens: 9, max_tokens_on_retry: 8",
            "teacher: max_tokens_on_retry (8) is below max_tokens (9)",
        ),
        (TEACHER % ", extra: {max_completion_tokens: 9}", "teacher: extra.max_completion_tokens is set by codeprimer"),
        (TEACHER.replace("127", "user:pw@127") % "", "teacher.base_url: "),
    ],
)
def test_what_is_wrong_with_a_teacher_is_said_without_repeating_secrets(
    teacher: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "asked.yaml").write_text(teacher)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "asked.yaml")
    message = str(caught.value)
    assert said in message
    assert not any(secret in message for secret in ("sk-proj-secret", "user:pw", "Value error", "Price", "got {"))


def start_of(folder: Path) -> dict[str, Any]:
    """Return a recipe that starts from a model, of which there is the shape alone."""
    (folder / "config.json").write_text(json.dumps(PhiConfig(320, 32, 2, 2, 64, 512).to_huggingface()))
    return {"name": "x", "start": {"path": str(folder)}}


def test_a_model_to_start_from_is_a_step_that_tokens_and_training_read(tmp_path: Path) -> None:
    values = start_of(tmp_path)
    adapted = parse_recipe(values | {"training": {"lora": {"rank": 4}}}, "test")
    for recipe in (parse_recipe(values, "test"), adapted):
        steps = {step.name: step for step in flow(recipe)}
        for step in steps.values():
            assert set(step.inputs) == set(step.stage.reads)
        assert steps["start"].link == "06-start"
        assert all(steps[name].inputs["start"] == "start" for name in ("tokens", "control", "base"))
    assert steps["tuned"].inputs["start"] == "start"
    assert steps["tuned"].inputs["adapter"] == "base"
    whole = {step.name: step for step in flow(parse_recipe(values, "test"))}["tuned"].inputs
    assert whole["start"] == "base"
    assert "adapter" not in whole
    assert [step.name for step in steps_until(adapted, "start")] == ["start"]
    with pytest.raises(RecipeError, match="--until start: no such step"):
        steps_until(parse_recipe({"name": "x"}, "test"), "start")


def test_the_shape_is_that_of_the_model_to_start_from(tmp_path: Path) -> None:
    values = start_of(tmp_path)
    shaped = with_start(parse_recipe(values | {"tokens": {"context": 512}}, "test"))
    model = shaped.training.model
    assert (model.layers, model.hidden, model.heads, model.intermediate, model.context) == (2, 32, 2, 64, 512)
    again = tmp_path / "again.yaml"
    again.write_text(render_recipe(shaped))
    assert with_start(load_recipe(again)) == shaped
    with pytest.raises(RecipeError, match=r"layers: 2, .* the recipe asks for \{layers: 3, .*; remove training\.model"):
        with_start(parse_recipe(values | {"training": {"model": {"layers": 3}}}, "test"))
    with pytest.raises(RecipeError, match=r"tokens\.context: 513 exceeds .* \(512\)"):
        with_start(parse_recipe(values | {"tokens": {"context": 513}}, "test"))
    with pytest.raises(RecipeError, match=r"training\.lora\.rank: 33 exceeds .* \(32\)"):
        with_start(parse_recipe(values | {"tokens": {"context": 512}, "training": {"lora": {"rank": 33}}}, "test"))
    (tmp_path / "config.json").unlink()
    with pytest.raises(RecipeError, match=r"start\.path: .*config\.json does not exist; .*`codeprimer import-model`"):
        with_start(parse_recipe(values, "test"))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"tokens": {"vocabulary": 512}}, r"tokens\.vocabulary: has no effect with start"),
        ({"tokens": {"mixture": {"code": 1.0}}}, r"tokens\.mixture: has no effect with start"),
        (
            {"training": {"model": {"initializer_range": 0.06}}},
            r"training\.model\.initializer_range: has no effect with",
        ),
    ],
)
def test_what_the_model_to_start_from_decides_cannot_be_set(
    more: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=sentence):
        parse_recipe(start_of(tmp_path) | more, "test")


def test_adapters_need_a_model_to_start_from() -> None:
    with pytest.raises(RecipeError, match=r"training\.lora\.rank: .*; name one \(start\.path\)"):
        parse_recipe({"name": "x", "training": {"lora": {"rank": 4}}}, "test")
