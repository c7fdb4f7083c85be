"""Writes a first recipe for a folder of your own code."""

from __future__ import annotations

import os
import re
from pathlib import Path

from codeprimer.core.artifact import write_atomically
from codeprimer.core.errors import UserError
from codeprimer.corpus.sources.base import files_below
from codeprimer.run.recipe import NAME_CHARACTERS

_UNWRITABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufeff\\ufffe\\uffff]")
"""Characters that YAML does not allow in a line: control characters, line breaks, and bytes that are not UTF-8."""

_TEMPLATE = """\
# Written by `codeprimer init`. `codeprimer recipe {file}` shows every setting with its default and meaning.
name: "{name}"

exam:
  benchmarks: ["auto"]   # HumanEval and MBPP, if CODEPRIMER_BENCHMARKS is set: training data is compared with them

corpus:
  sources:
    - kind: folder
      name: "{name}"
      path: {path}

quality:
  keep_fraction: 0.25   # the best quarter; the threshold follows from it

# `codeprimer run {file} --until quality` stops after writing the filtered, deduplicated set to runs/{name}/20-quality/kept.
# Without --until the run continues: textbooks, exercises, three small models and a report (needs the extra "train").

{models}"""

SMALL_MODELS = """\
# These settings are for models of a million parameters, which train in minutes on two cores. The defaults are for longer
# training: with them a model this small learns nothing from so few tokens.
tokens:
  limit_tokens: {raw: 8_000_000, code: 3_000_000}   # a few times what training reads

training:
  threads: 1              # the control trains in parallel with base and tuned, one thread each
  checkpoint_every: 200
  selections: 2
  model: {initializer_range: 0.06}   # narrow models learn faster from larger initial weights
  base:
    mixture: {code: 0.5, textbooks: 0.5}
    tokens: 400_000
    batch_sequences: 8      # many small steps: with few large ones, training ends before the model learns to use its prompt
    optimizer: muon
    peak_learning_rate: 6.0e-3
    warmup_steps: 40
  tuned:
    mixture: {exercises: 1.0}
    tokens: 2_500_000       # more is better, if you have the time
    batch_sequences: 8
    optimizer: muon
    prompt_weight: 0.1      # the model should learn to answer tasks, not to write them
    peak_learning_rate: 6.0e-3
    warmup_steps: 40
"""
"""The training settings of a new recipe; a test keeps them equal to recipes/tiny.yaml, which is not installed."""


def write_recipe(folder: Path, output: Path | None) -> Path:
    """Write a recipe whose corpus is ``folder`` and return its path.

    Raises UserError if the folder is missing or contains no Python files, or if the recipe already exists.
    """
    folder = _expanded(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; give a folder of Python code")
    for path in (folder.resolve(), output or Path()):
        if (found := _UNWRITABLE.search(str(path))) is not None:
            raise UserError(
                f"{str(path)!a} has a character in its name that YAML cannot represent ({found.group()!a}); rename it"
            )
    if not any(path.suffix == ".py" for path in files_below(folder)):
        raise UserError(f"{folder} holds no Python file (*.py); give a folder of Python code")
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._") or "mine"
    name = name[:NAME_CHARACTERS].rstrip("-._")
    name = "my-store" if name == "store" else name
    path = output or Path(f"{name}.yaml")
    if os.path.lexists(path):
        raise UserError(f"{path} already exists; remove it, or choose another file with --output")
    source = _quoted(folder.resolve())
    write_atomically(path, _TEMPLATE.format(file=path, name=name, path=source, models=SMALL_MODELS).encode())
    return path


def _expanded(folder: Path) -> Path:
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise UserError(f"{folder} is not a folder ({error}); give a folder of Python code") from None


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'
