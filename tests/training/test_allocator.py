"""What becomes of memory between two steps."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

MEASURE = """
import resource
from pathlib import Path

import torch

from codeprimer.training.allocator import keep_freed_memory


def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def pages_of_a_round(count):
    rounds = []
    for _ in range(count):
        before = faults()
        torch.ones(100 * 2**18)
        rounds.append(faults() - before)
    print(sorted(rounds[-3:])[1])


def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20


pages_of_a_round(3)
with keep_freed_memory():
    # A small thing right behind a tensor makes its place a few bytes too short for the next: there are several at first.
    pages_of_a_round(20)
    inside = held()
print(inside - held())
"""
"""Prints how many pages of 100 MB the kernel still has to clear: before, inside; and how much is given back [MB]."""


def measured(**environment: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return [int(line) for line in done.stdout.split()]


def test_while_a_model_trains_freed_memory_serves_the_next_step_and_is_given_back_afterwards() -> None:
    before, inside, given_back = measured()
    assert before > 20_000
    assert inside < 100
    assert given_back > 80


@pytest.mark.parametrize(
    ("name", "value"), [("MALLOC_TOP_PAD_", "131072"), ("GLIBC_TUNABLES", "glibc.malloc.top_pad=131072")]
)
def test_who_tells_the_c_library_how_to_keep_memory_is_obeyed(name: str, value: str) -> None:
    before, inside, *_ = measured(**{name: value})
    assert inside > 0.5 * before > 10_000
