"""The command line: bad input is one sentence with exit code 2, good input does what the README says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import RECIPE, SmallRun, codeprimer

from codeprimer import __version__
from codeprimer.core.artifact import Store
from codeprimer.core.errors import StoreError
from codeprimer.run import clean, doctor

CODE = 'def double(value: int) -> int:\n    """Return twice the value."""\n    return 2 * value\n'


def recipe(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


BAD_RECIPES = {
    "an unknown key": (
        "quality: {keep_fractoin: 0.5}",
        "quality.keep_fractoin: unknown key; did you mean 'keep_fraction'?",
    ),
    "an unknown section": ("qualitty: {}", "qualitty: unknown key; did you mean 'quality'?"),
    "a wrong type": ("quality: {keep_fraction: much}", "quality.keep_fraction: "),
    "a value out of range": ("quality: {keep_fraction: 2}", "quality.keep_fraction: "),
    "an unknown source": ("corpus: {sources: [{kind: foldr, name: x}]}", "did you mean 'folder'?"),
    "a nested unknown key": (
        "corpus: {sources: [{kind: folder, name: x, pth: y}]}",
        "pth: unknown key of source 'folder'",
    ),
    "a missing path": ("corpus: {sources: [{kind: folder, name: x, path: nowhere}]}", "nowhere"),
    "a key given twice": ("seed: 1\nseed: 2", "key 'seed' is given twice"),
    "no YAML": ("seed: [1", "line "),
    "no mapping": ("- 1", "a recipe must be a mapping"),
    "nothing": ("# to be written\n", "the recipe is empty; `codeprimer init FOLDER` writes one"),
    "an empty mapping": ("{}", "the recipe is empty"),
    "a reserved name": ("name: store", "name: 'store' is the folder"),
}


@pytest.mark.parametrize("name", BAD_RECIPES)
def test_a_bad_recipe_is_one_sentence_that_names_file_and_key(name: str, tmp_path: Path) -> None:
    text, expected = BAD_RECIPES[name]
    finished = codeprimer("run", recipe(tmp_path, text), "--until", "quality", cwd=tmp_path)
    assert finished.returncode == 2
    assert expected in finished.stderr
    assert "Traceback" not in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


def test_the_recipe_of_a_run_is_replaced_whole_and_never_written_in_place(tmp_path: Path) -> None:
    path = recipe(tmp_path, "name: one\nexam: {problems: 10, validation: 10}\n")
    assert codeprimer("run", path, "--until", "exam", cwd=tmp_path).returncode == 0
    kept, before = tmp_path / "runs/one/recipe.yaml", tmp_path / "before.yaml"
    os.link(kept, before)
    old = before.read_text()
    assert codeprimer("run", path, "--until", "exam", "-s", "seed=2", cwd=tmp_path).returncode == 0
    assert "seed: 2" in kept.read_text()
    assert before.read_text() == old, "whoever reads the old file goes on reading it whole"


def test_a_recipe_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    finished = codeprimer("run", "nowhere.yaml", cwd=tmp_path)
    assert (finished.returncode, finished.stderr.count("\n")) == (2, 1)
    assert "nowhere.yaml: no such recipe" in finished.stderr


def test_an_override_changes_one_value_and_a_bad_one_is_named(tmp_path: Path) -> None:
    good = codeprimer("recipe", recipe(tmp_path), "-s", "training.base.tokens=4096", cwd=tmp_path)
    assert "tokens: 4096" in good.stdout
    bad = codeprimer("recipe", recipe(tmp_path), "-s", "training.base.tokns=1", cwd=tmp_path)
    assert bad.returncode == 2
    assert "training.base.tokns: unknown key; did you mean 'tokens'?" in bad.stderr


def test_an_empty_folder_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    finished = codeprimer("init", "empty", cwd=tmp_path)
    assert finished.returncode == 2
    assert "empty holds no Python file" in finished.stderr


def test_init_writes_a_recipe_that_loads_and_never_overwrites_one(tmp_path: Path) -> None:
    code = tmp_path / "My Code"
    code.mkdir()
    (code / "double.py").write_text(CODE)
    assert codeprimer("init", code, cwd=tmp_path).returncode == 0
    printed = codeprimer("recipe", "my-code.yaml", cwd=tmp_path)
    assert str(code) in printed.stdout
    again = codeprimer("init", code, cwd=tmp_path)
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_a_complete_recipe_printed_loads_back_as_the_same_recipe(tmp_path: Path) -> None:
    first = codeprimer("recipe", recipe(tmp_path), cwd=tmp_path)
    (tmp_path / "again.yaml").write_text(first.stdout)
    second = codeprimer("recipe", "again.yaml", cwd=tmp_path)
    assert first.stdout == second.stdout
    assert first.returncode == second.returncode == 0


def test_without_torch_a_run_until_quality_works_and_training_says_what_to_install(small_run: SmallRun) -> None:
    hide = "import sys; sys.modules['torch'] = None; from codeprimer.__main__ import main; main()"
    command = [sys.executable, "-c", hide, "run", str(small_run.recipe), "--runs", str(small_run.runs)]
    until = subprocess.run([*command, "--until", "quality"], capture_output=True, text=True, check=False)
    assert until.returncode == 0, until.stderr
    whole = subprocess.run(command, capture_output=True, text=True, check=False)
    assert whole.returncode == 2
    assert "pip install -c constraints.txt '.[train]' in the checkout" in whole.stderr


def test_doctor_says_how_to_install_what_is_missing_from_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    missing = {finding["name"]: finding["detail"] for finding in doctor.examine() if finding["state"] == "missing"}
    assert "pip install -c constraints.txt '.[train]' in the checkout" in missing["train"]
    assert "'.[hub]'" in missing["hub"]


def test_a_second_run_says_up_to_date_for_every_step(small_run: SmallRun) -> None:
    finished = codeprimer("run", small_run.recipe, "--runs", small_run.runs, "--json", cwd=small_run.runs)
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    done = [event for event in events if event["event"] == "step_done"]
    assert len(done) == 12
    assert all(event["reused"] for event in done)


def test_a_run_folder_stands_for_its_recipe_and_keeps_its_own_store(small_run: SmallRun, tmp_path: Path) -> None:
    command = ("run", small_run.folder, "--until", "20-quality", "--json")
    finished = codeprimer(*command, cwd=tmp_path)
    done = [event for event in map(json.loads, finished.stdout.splitlines()) if event["event"] == "step_done"]
    assert [event["step"] for event in done if event["reused"]] == ["corpus", "quality"]
    assert list(tmp_path.iterdir()) == []
    inside = codeprimer("status", ".", "--json", cwd=small_run.folder)
    states = [event["state"] for event in map(json.loads, inside.stdout.splitlines())]
    assert set(states) == {"up to date"}
    elsewhere = codeprimer("status", small_run.folder, "--runs", "elsewhere", cwd=tmp_path)
    assert "--runs elsewhere is ignored" in elsewhere.stderr


def test_version_is_printed_by_an_option_too(tmp_path: Path) -> None:
    printed = codeprimer("--version", cwd=tmp_path)
    assert printed.returncode == 0
    assert printed.stdout == codeprimer("version", cwd=tmp_path).stdout == f"{__version__}\n"


def test_a_changed_setting_rebuilds_only_what_follows(small_run: SmallRun) -> None:
    finished = codeprimer(
        "status",
        small_run.recipe,
        "--runs",
        small_run.runs,
        "-s",
        "quality.keep_fraction=0.5",
        "--json",
        cwd=small_run.runs,
    )
    states = {event["step"]: event["state"] for event in map(json.loads, finished.stdout.splitlines())}
    assert [step for step, state in states.items() if state == "up to date"] == [
        "exam",
        "corpus",
        "textbooks",
        "exercises",
    ]


def test_trace_follows_a_document_through_every_table(small_run: SmallRun) -> None:
    rows = codeprimer(
        "export", small_run.folder, "quality/kept", "--jsonl", "-", cwd=small_run.runs
    ).stdout.splitlines()
    document = next(row for row in map(json.loads, rows) if row["split"] == "train")
    life = json.loads(
        codeprimer("trace", small_run.folder, document["doc_id"][:12], "--json", cwd=small_run.runs).stdout
    )
    places = [f"{entry['step']}/{entry['table']}" for entry in life["life"]]
    assert life["doc_id"] == document["doc_id"]
    assert places[0] == "corpus/documents"
    assert {"quality/scores", "quality/kept", "contamination/code", "tokens/index"} <= set(places)


def test_trace_refuses_what_is_no_id_and_says_when_it_finds_nothing(small_run: SmallRun) -> None:
    for wrong, sentence in (("xyz", "is neither a document id"), ("0123456789abcdef0123", "0123456789abcdef0123")):
        finished = codeprimer("trace", small_run.folder, wrong, cwd=small_run.runs)
        assert finished.returncode == 2
        assert sentence in finished.stderr


def test_complete_prints_the_prompt_and_a_body(small_run: SmallRun) -> None:
    prompt = 'def double(value: int) -> int:\\n    """Return twice the value."""\\n'
    finished = codeprimer("complete", small_run.folder, "--prompt", prompt, cwd=small_run.runs)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("def double(value: int) -> int:\n")
    assert len(finished.stdout) > len(prompt)
    streamed = codeprimer("complete", small_run.folder, "--prompt", prompt, "--stream", cwd=small_run.runs)
    assert streamed.stdout == finished.stdout


def test_a_checkpoint_completes_as_the_run_that_it_is_of(small_run: SmallRun) -> None:
    prompt = 'def total(numbers: list[int]) -> int:\\n    """Add up all numbers."""'
    checkpoint = (small_run.folder / "71-base").resolve()
    order = ("--prompt", prompt, "--max-new-tokens", "12")
    of_run = codeprimer("complete", small_run.folder, *order, "--model", "base", cwd=small_run.runs)
    alone = codeprimer("complete", checkpoint, *order, cwd=small_run.runs)
    assert alone.returncode == 0, alone.stderr
    assert alone.stdout == of_run.stdout
    named = codeprimer("complete", checkpoint, *order, "--model", "base", cwd=small_run.runs)
    assert named.returncode == 2
    assert "is a checkpoint" in named.stderr


def test_who_is_to_complete_has_to_be_there(tmp_path: Path) -> None:
    for what, fault in (("nowhere", "nowhere does not exist"), (".", "is neither a run (it has no recipe.yaml) nor a")):
        refused = codeprimer("complete", what, "--prompt", "def f():", cwd=tmp_path)
        assert refused.returncode == 2
        assert fault in refused.stderr
        assert "give the folder of a run or of a checkpoint" in refused.stderr


def test_complete_says_what_cut_an_answer(small_run: SmallRun) -> None:
    prompt = "def double(value: int) -> int:"
    limited = codeprimer("complete", small_run.folder, "--prompt", prompt, "--max-new-tokens", "1", cwd=small_run.runs)
    assert "the answer was cut after 1 tokens; raise --max-new-tokens" in limited.stderr
    long = "# 1\\n" * 80 + prompt
    full = codeprimer("complete", small_run.folder, "--prompt", long, cwd=small_run.runs)
    assert "context of 256 tokens" in full.stderr, full.stdout + full.stderr


def test_export_takes_the_name_of_a_link_too(small_run: SmallRun) -> None:
    tables = [
        codeprimer("export", small_run.folder, name, "--jsonl", "-", cwd=small_run.runs).stdout
        for name in ("quality/scores", "20-quality/scores")
    ]
    assert tables[0] == tables[1] != ""


def test_export_names_the_tables_when_asked_for_one_that_is_not_there(small_run: SmallRun) -> None:
    finished = codeprimer("export", small_run.folder, "quality/keptt", "--jsonl", "-", cwd=small_run.runs)
    assert finished.returncode == 2
    assert "its tables: dropped, kept, labels, scores" in finished.stderr


def test_report_json_prints_every_fact(small_run: SmallRun) -> None:
    facts = json.loads(codeprimer("report", small_run.folder, "--json", cwd=small_run.runs).stdout)
    assert {"exam", "corpus", "quality", "evaluation", "artefacts", "cost"} <= facts.keys()
    assert {score["model"] for score in facts["evaluation"]["scores"]} == {"control", "base", "tuned"}


def test_a_run_that_has_no_report_yet_reports_what_it_has(small_recipe: Path, tmp_path: Path) -> None:
    assert codeprimer("run", small_recipe, "--runs", tmp_path, "--until", "corpus", cwd=tmp_path).returncode == 0
    shown = codeprimer("report", tmp_path / "small", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "for these reasons" in shown.stdout and "documents kept of" in shown.stdout
    assert "no report yet" in shown.stdout


def stored(runs: Path) -> list[str]:
    """Return the names of all artefacts, attempts and locks in a store."""
    return sorted(path.name for path in [*(runs / "store").glob("*-*"), *(runs / "store" / ".partial").glob("*")])


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    """Runs with a linked artefact, one that nothing links to, an interrupted attempt, and the lock of one long gone."""
    store = tmp_path / "runs" / "store"
    for name in ("corpus-0", "corpus-1"):
        (store / name).mkdir(parents=True)
        (store / name / "manifest.json").write_text("{}")
    (store / ".partial" / "quality-2" / ".work").mkdir(parents=True)
    for name in ("quality-2.lock", "corpus-1.lock"):
        (store / ".partial" / name).touch()
    (tmp_path / "runs" / "mine").mkdir()
    (tmp_path / "runs" / "mine" / "10-corpus").symlink_to("../store/corpus-1")
    return tmp_path / "runs"


def test_clean_removes_only_what_no_run_links_to_and_no_run_could_continue(cluttered: Path) -> None:
    before = stored(cluttered)
    shown = codeprimer("clean", "--runs", cluttered, cwd=cluttered).stdout
    assert "corpus-0" in shown and "corpus-1" not in shown and "quality-2" not in shown
    assert "kept: 1 interrupted attempts" in shown and "--partials" in shown
    assert stored(cluttered) == before
    codeprimer("clean", "--runs", cluttered, "--yes", cwd=cluttered)
    assert stored(cluttered) == ["corpus-1", "quality-2", "quality-2.lock"]


def test_clean_spares_what_a_run_links_to_that_was_moved_into_a_folder(cluttered: Path) -> None:
    (cluttered / "archive").mkdir()
    (cluttered / "mine").rename(cluttered / "archive" / "mine")
    codeprimer("clean", "--runs", cluttered, "--yes", cwd=cluttered)
    assert stored(cluttered) == ["corpus-1", "quality-2", "quality-2.lock"]


def test_clean_removes_nothing_where_a_run_folder_is_a_broken_link(cluttered: Path) -> None:
    before = stored(cluttered)
    (cluttered / "gone").symlink_to("/nowhere/gone")
    refused = codeprimer("clean", "--runs", cluttered, "--yes", cwd=cluttered)
    assert refused.returncode == 2
    assert "gone is a broken link" in refused.stderr
    assert stored(cluttered) == before


def test_clean_removes_nothing_where_a_run_folder_cannot_be_read(
    cluttered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Path.iterdir

    def refuse(folder: Path) -> Iterator[Path]:
        if folder.name == "mine":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    # The tests may run as root, whom no mode of a folder keeps out.
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StoreError, match="mine cannot be read"):
        clean.unlinked(cluttered)


def test_clean_takes_interrupted_attempts_where_it_is_told_to(cluttered: Path) -> None:
    shown = codeprimer("clean", "--runs", cluttered, "--partials", cwd=cluttered).stdout
    assert "quality-2" in shown and "clean --partials --yes" in shown
    codeprimer("clean", "--runs", cluttered, "--partials", "--yes", cwd=cluttered)
    assert stored(cluttered) == ["corpus-1"]


def test_clean_neither_lists_nor_touches_what_a_run_is_working_on(cluttered: Path) -> None:
    with Store(cluttered / "store").workspace("quality", "2"):
        shown = codeprimer("clean", "--runs", cluttered, "--partials", "--yes", cwd=cluttered)
        assert "quality-2" not in shown.stdout + shown.stderr
        assert stored(cluttered) == ["corpus-1", "quality-2", "quality-2.lock"]


def test_the_kept_set_opens_with_datasets(small_run: SmallRun, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(
        str(small_run.folder / "20-quality" / "kept"), split="train", cache_dir=str(tmp_path)
    )
    exported = codeprimer("export", small_run.folder, "quality/kept", "--jsonl", tmp_path / "kept.jsonl", cwd=tmp_path)
    assert exported.returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text().splitlines()]
    assert [row["doc_id"] for row in lines] == loaded["doc_id"][:]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(small_recipe: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=False).returncode != 0:
        pytest.skip("needs root to mount a small file system")
    try:
        full = codeprimer("run", small_recipe, "--runs", disk, "--until", "corpus", cwd=tmp_path)
        assert full.returncode == 2, full.stdout + full.stderr
        assert "no space left" in full.stderr
        assert "Traceback" not in full.stderr
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        assert codeprimer("run", small_recipe, "--runs", disk, "--until", "corpus", cwd=tmp_path).returncode == 0
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGINT"])
def test_a_polite_stop_says_that_the_next_run_continues(small_recipe: Path, tmp_path: Path, signal_name: str) -> None:
    import signal

    command = [sys.executable, "-m", "codeprimer", "run", str(small_recipe), "--runs", str(tmp_path), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(getattr(signal, signal_name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues" in errors
    assert "Traceback" not in errors


def test_two_signals_at_once_while_two_models_train_are_one_polite_stop(small_run: SmallRun, tmp_path: Path) -> None:
    import signal

    shutil.copytree(small_run.runs, tmp_path / "runs", symlinks=True)
    command = [sys.executable, "-m", "codeprimer", "run", str(small_run.recipe), "--runs", str(tmp_path / "runs")]
    command += ["--json", "-s", "training.base.tokens=2000000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "step_started" and json.loads(line)["step"] == "base":
            break
    time.sleep(1.0)  # by then the first thread waits for the two that train
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command continues" in errors
    assert "Traceback" not in errors
