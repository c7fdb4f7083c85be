"""A run's folder: links that always belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeprimer.core.artifact import Artifact, Store
from codeprimer.core.errors import StoreError
from codeprimer.run.folder import RunFolder, open_run

OTHER_KEYS = {"version": 1, "settings": {}, "headline": "", "facts": {}}


def publish(store: Store, stage: str, identity: str, inputs: dict[str, str]) -> Artifact:
    with store.workspace(stage, identity) as workspace:
        manifest = {"stage": stage, "id": identity, "inputs": inputs, **OTHER_KEYS}
        return store.publish(workspace, manifest, (), {"seconds": 1.0})


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "3",
        '{"threads": 0}',
        '{"threads": "2"}',
        '{"precision": "float8"}',
        '{"device": "auto"}',
        '{"sandbox": "glass"}',
        '{"x": 1}',
    ],
)
def test_decisions_of_the_machine_that_were_changed_by_hand_are_one_sentence(tmp_path: Path, content: str) -> None:
    folder = RunFolder(tmp_path)
    folder.decide({"threads": 2, "precision": "float32", "device": "cpu", "sandbox": "jailed"})
    assert folder.machine()["threads"] == 2
    (tmp_path / "machine.json").write_text(content)
    with pytest.raises(StoreError, match=r"machine\.json is damaged; remove it"):
        folder.machine()


def test_the_store_of_a_run_is_found_through_links_to_the_run_and_beside_a_run_that_is_a_link(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for folder in (runs / "mine", runs / "store", tmp_path / "disk" / "other"):
        folder.mkdir(parents=True)
        (folder / "recipe.yaml").touch()
    (tmp_path / "shortcut").symlink_to(runs / "mine")
    (runs / "other").symlink_to(tmp_path / "disk" / "other")
    for path in (runs / "mine", tmp_path / "shortcut", runs / "other"):
        assert open_run(path).store.root == runs / "store"


def test_a_step_that_is_made_anew_takes_away_the_links_of_what_was_made_from_the_old_one(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    made = {
        "05-exam": publish(folder.store, "exam", "e", {}),
        "10-corpus": publish(folder.store, "corpus", "c1", {}),
        "20-quality": publish(folder.store, "quality", "q1", {"corpus": "c1"}),
        "50-contamination": publish(folder.store, "contamination", "n1", {"exam": "e", "quality": "q1"}),
    }
    for name, artifact in made.items():
        folder.link(name, artifact)
    assert list(folder.links()) == ["exam", "corpus", "quality", "contamination"]
    folder.link("10-corpus", publish(folder.store, "corpus", "c2", {}))
    assert list(folder.links()) == ["exam", "corpus"]
    for name, artifact in made.items():
        folder.link(name, artifact)
    assert list(folder.links()) == ["exam", "corpus", "quality", "contamination"]
