from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.training_inputs import make_inputs

from codeprimer.core.artifact import Artifact, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def inputs(store: Store) -> dict[str, Artifact]:
    return make_inputs(store)
