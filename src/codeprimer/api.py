"""The public Python API: the building blocks of plug-ins and stages, and functions for use without the command line.

Everything else may change without notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codeprimer.authors.author import Author as Author
from codeprimer.benchmarks.benchmark import Benchmark as Benchmark
from codeprimer.benchmarks.benchmark import make_task as make_task
from codeprimer.benchmarks.execution import ExecutionGrader as ExecutionGrader
from codeprimer.benchmarks.execution import ExecutionSettings as ExecutionSettings
from codeprimer.benchmarks.files import FileBenchmark as FileBenchmark
from codeprimer.benchmarks.files import FileSettings as FileSettings
from codeprimer.benchmarks.grader import Answer as Answer
from codeprimer.benchmarks.grader import Grader as Grader
from codeprimer.core.artifact import Artifact as Artifact
from codeprimer.core.artifact import Workspace as Workspace
from codeprimer.core.artifact import make_once as make_once
from codeprimer.core.artifact import open_artifact as open_artifact
from codeprimer.core.console import Console as Console
from codeprimer.core.documents import Task as Task
from codeprimer.core.engine import Engine as Engine
from codeprimer.core.errors import CodeprimerError as CodeprimerError
from codeprimer.core.errors import PluginError as PluginError
from codeprimer.core.errors import RecipeError as RecipeError
from codeprimer.core.errors import SourceError as SourceError
from codeprimer.core.errors import UserError as UserError
from codeprimer.core.plugins import Plugin as Plugin
from codeprimer.core.plugins import PluginSettings as PluginSettings
from codeprimer.core.plugins import selected as selected
from codeprimer.core.settings import NOT_IN_ID as NOT_IN_ID
from codeprimer.core.settings import Settings as Settings
from codeprimer.core.shards import Row as Row
from codeprimer.core.stage import Stage as Stage
from codeprimer.core.stage import Stats as Stats
from codeprimer.core.stage import Tools as Tools
from codeprimer.corpus.filter import File as File
from codeprimer.corpus.filter import Filter as Filter
from codeprimer.corpus.filter import first_drop as first_drop
from codeprimer.corpus.filter import make_filters as make_filters
from codeprimer.corpus.settings import CorpusSettings as CorpusSettings
from codeprimer.corpus.sources.base import Chunk as Chunk
from codeprimer.corpus.sources.base import PathSettings as PathSettings
from codeprimer.corpus.sources.base import RawDocument as RawDocument
from codeprimer.corpus.sources.base import Source as Source
from codeprimer.corpus.sources.base import SourceSettings as SourceSettings
from codeprimer.corpus.sources.base import cut_files as cut_files
from codeprimer.corpus.sources.base import digest_files_below as digest_files_below
from codeprimer.curriculum.blueprints import Blueprint as Blueprint
from codeprimer.curriculum.blueprints import Exercise as Exercise
from codeprimer.curriculum.blueprints import Rejection as Rejection
from codeprimer.curriculum.blueprints import Section as Section
from codeprimer.curriculum.blueprints import SectionBlueprint as SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut as HeldOut
from codeprimer.embedders.embedder import Embedder as Embedder
from codeprimer.embedders.embedder import Matrix as Matrix
from codeprimer.quality.annotator import Annotator as Annotator
from codeprimer.quality.annotator import Label as Label
from codeprimer.quality.annotator import ShownDocument as ShownDocument
from codeprimer.quality.annotator import Unlabelled as Unlabelled
from codeprimer.quality.features import Features as Features
from codeprimer.quality.scorer import Scorer as Scorer
from codeprimer.quality.scoring import CalibratedScorer as CalibratedScorer
from codeprimer.quality.scoring import open_scorer as open_scorer
from codeprimer.sandbox import Limits as Limits
from codeprimer.sandbox import Program as Program
from codeprimer.sandbox import Sandbox as Sandbox
from codeprimer.sandbox import Tier as Tier
from codeprimer.sandbox import Verdict as Verdict
from codeprimer.sandbox import VerdictKind as VerdictKind
from codeprimer.teachers import Access as Access
from codeprimer.teachers import Message as Message
from codeprimer.teachers import PlainQuestion as PlainQuestion
from codeprimer.teachers import Reply as Reply
from codeprimer.teachers import Request as Request
from codeprimer.teachers import StructuredQuestion as StructuredQuestion
from codeprimer.teachers import Teacher as Teacher
from codeprimer.teachers import TeacherSettings as TeacherSettings

FilterChoice = PluginSettings | Mapping[str, Any] | str
"""A filter as a recipe names it: its kind, a mapping with ``kind`` and settings, or its settings object."""


def filter_texts(
    texts: Sequence[str], filters: Sequence[PluginSettings | Mapping[str, Any] | str] | None = None
) -> list[str | None]:
    """Return, for each text, why the corpus would drop it, with details; None if the text is kept.

    ``filters`` are given as in a recipe, as kinds or as mappings with ``kind`` and settings; None means the default filters.
    Raises RecipeError if a kind is not installed or a setting is invalid.
    """
    chosen = CorpusSettings().filters if filters is None else filters
    settings = [_filter_settings(one) for one in chosen]
    made = [*make_filters(settings, needs_tree=False), *make_filters(settings, needs_tree=True)]
    drops = (first_drop(File(text, "", "", None), made) for text in texts)
    return [f"{drop.reason}: {drop.detail}" if drop else None for drop in drops]


def _filter_settings(given: FilterChoice) -> PluginSettings:
    if isinstance(given, PluginSettings):
        return given
    settings: PluginSettings = selected("filter", given) if isinstance(given, str) else selected("filter", **given)
    return settings


def score_texts(folder: Path, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the probability [texts] that each text is worth learning from, according to a run's scorer.

    ``folder`` is a run's quality step, such as ``runs/tiny/20-quality``. Raises StoreError if it contains no scorer.
    """
    return open_scorer(folder).score_texts(texts)


def run_program(source: str, tests: Sequence[str] = (), seconds: float = 5.0) -> Verdict:
    """Return the verdict on a program, run in the sandbox against tests (assert statements).

    ``seconds`` is its CPU time limit [s]. Raises JailError if the machine has no sandbox that stops attacks.
    """
    with Sandbox(Limits(seconds=seconds), workers=1) as sandbox:
        [verdict] = sandbox.run([Program(source, tuple(tests))])
    return verdict


def encode(folder: Path, text: str) -> list[int]:
    """Return a text's token ids, using the tokenizer in the folder of a checkpoint or a tokens step."""
    from codeprimer.model.tokenizer import Tokenizer

    return Tokenizer.load(folder).encode(text)


def decode(folder: Path, ids: Sequence[int]) -> str:
    """Return the text for token ids, using the tokenizer in the folder of a checkpoint or a tokens step."""
    from codeprimer.model.tokenizer import Tokenizer

    return Tokenizer.load(folder).decode(ids)


def complete(folder: Path, prompt: str, max_new_tokens: int = 160) -> str:
    """Return the prompt and a model's greedy continuation of it, up to the end of the function.

    ``folder`` is a run or a checkpoint. Raises UserError if it has no model, MissingExtraError if torch is not installed.
    """
    from codeprimer.run.complete import complete_function

    return complete_function(folder, None, prompt, max_new_tokens).text
