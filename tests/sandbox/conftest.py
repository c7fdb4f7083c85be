"""One sandbox of each tier per module, watched for what it leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from tests.sandbox.watch import reason_to_skip, watched

from codeprimer.sandbox import Sandbox, Tier

ALL_TIERS = [Tier.jailed, Tier.confined, Tier.weak]
STRONG_TIERS = ALL_TIERS[:2]

collect_ignore_glob = [] if sys.platform == "linux" else ["*"]


def by_name(tier: Tier) -> str:
    return tier.name


@pytest.fixture(scope="module", params=ALL_TIERS, ids=by_name)
def sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of each tier; at the end of the module nothing of it may be left."""
    with watched(request.param, tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", params=STRONG_TIERS, ids=by_name)
def strong_sandbox(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The same, of the tiers that withstand attacks on the machine."""
    with watched(request.param, tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def best_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The strongest sandbox of this machine, for tests that do not depend on the tier."""
    tier = next(tier for tier in ALL_TIERS if not reason_to_skip(tier))
    with watched(tier, tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox
