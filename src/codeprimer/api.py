"""The public Python API: what plug-ins and stages are made of, and the library without the command line.

Names that are not listed here may change without notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.authors.author import Author
from codeprimer.benchmarks.benchmark import Benchmark, make_task
from codeprimer.benchmarks.execution import ExecutionGrader, ExecutionSettings
from codeprimer.benchmarks.files import FileBenchmark, FileSettings
from codeprimer.benchmarks.grader import Answer, Grader
from codeprimer.core.artifact import Artifact, Workspace, make_once, open_artifact
from codeprimer.core.console import Console
from codeprimer.core.documents import Task
from codeprimer.core.engine import Engine
from codeprimer.core.errors import CodeprimerError, PluginError, RecipeError, SourceError, UserError
from codeprimer.core.plugins import Plugin, PluginSettings, selected
from codeprimer.core.settings import NOT_IN_ID, Settings
from codeprimer.core.shards import Row
from codeprimer.core.stage import Stage, Stats, Tools
from codeprimer.corpus.filter import File, Filter, first_drop, make_filters
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.corpus.sources.base import (
    Chunk,
    PathSettings,
    RawDocument,
    Source,
    SourceSettings,
    cut_files,
    digest_files_below,
)
from codeprimer.curriculum.blueprints import Blueprint, Exercise, Rejection, Section, SectionBlueprint
from codeprimer.curriculum.heldout import HeldOut
from codeprimer.embedders.embedder import Embedder, Matrix
from codeprimer.quality.annotator import Annotator, Label, Unlabelled
from codeprimer.quality.features import Features
from codeprimer.quality.scorer import Scorer
from codeprimer.quality.scoring import CalibratedScorer, open_scorer
from codeprimer.sandbox import Limits, Program, Sandbox, Tier, Verdict, VerdictKind
from codeprimer.teachers import (
    Access,
    Message,
    PlainQuestion,
    Reply,
    Request,
    StructuredQuestion,
    Teacher,
    TeacherSettings,
)

__all__ = [
    "NOT_IN_ID",
    "Access",
    "Annotator",
    "Answer",
    "Artifact",
    "Author",
    "Benchmark",
    "Blueprint",
    "CalibratedScorer",
    "Chunk",
    "CodeprimerError",
    "Console",
    "Embedder",
    "Engine",
    "ExecutionGrader",
    "ExecutionSettings",
    "Exercise",
    "Features",
    "File",
    "FileBenchmark",
    "FileSettings",
    "Filter",
    "Grader",
    "HeldOut",
    "Label",
    "Limits",
    "Matrix",
    "Message",
    "PathSettings",
    "PlainQuestion",
    "Plugin",
    "PluginError",
    "PluginSettings",
    "Program",
    "RawDocument",
    "RecipeError",
    "Rejection",
    "Reply",
    "Request",
    "Row",
    "Sandbox",
    "Scorer",
    "Section",
    "SectionBlueprint",
    "Settings",
    "Source",
    "SourceError",
    "SourceSettings",
    "Stage",
    "Stats",
    "StructuredQuestion",
    "Task",
    "Teacher",
    "TeacherSettings",
    "Tier",
    "Tools",
    "Unlabelled",
    "UserError",
    "Verdict",
    "VerdictKind",
    "Workspace",
    "complete",
    "cut_files",
    "decode",
    "digest_files_below",
    "encode",
    "filter_texts",
    "make_once",
    "make_task",
    "open_artifact",
    "open_scorer",
    "run_program",
    "score_texts",
    "selected",
]


def filter_texts(texts: Sequence[str], filters: Sequence[PluginSettings | str] | None = None) -> list[str | None]:
    """Return, for each text, the reason for which the corpus would drop it, and what was seen; None where it is kept.

    ``filters`` are kinds, or settings made by ``selected("filter", kind, ...)``; None: those of a recipe by default. Raises
    RecipeError for a kind that is not installed.
    """
    chosen = CorpusSettings().filters if filters is None else filters
    settings = [selected("filter", one) if isinstance(one, str) else one for one in chosen]
    made = [*make_filters(settings, needs_tree=False), *make_filters(settings, needs_tree=True)]
    drops = (first_drop(File(text, "", "", None), made) for text in texts)
    return [f"{drop.reason}: {drop.detail}" if drop else None for drop in drops]


def score_texts(folder: Path, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return the probability [texts] that each text is worth learning from, by the scorer of a run.

    ``folder`` is the quality step of a run, such as ``runs/tiny/20-quality``. Raises StoreError where it holds no scorer.
    """
    return open_scorer(folder).score_texts(texts)


def run_program(source: str, tests: Sequence[str] = (), seconds: float = 5.0) -> Verdict:
    """Return the verdict on a program, run in the sandbox against tests (assert statements).

    ``seconds`` is its CPU time [s]. Raises JailError where the machine offers no sandbox that stops attacks.
    """
    with Sandbox(Limits(seconds=seconds), workers=1) as sandbox:
        [verdict] = sandbox.run([Program(source, tuple(tests))])
    return verdict


def encode(folder: Path, text: str) -> list[int]:
    """Return the token ids of a text, by the tokenizer in the folder of a checkpoint or of a tokens step."""
    from codeprimer.model.tokenizer import Tokenizer

    return Tokenizer.load(folder).encode(text)


def decode(folder: Path, ids: Sequence[int]) -> str:
    """Return the text of token ids, by the tokenizer in the folder of a checkpoint or of a tokens step."""
    from codeprimer.model.tokenizer import Tokenizer

    return Tokenizer.load(folder).decode(ids)


def complete(folder: Path, prompt: str, max_new_tokens: int = 160) -> str:
    """Return a function that a model has completed: the prompt and the model's greedy continuation, up to the function's end.

    ``folder`` is a run or a checkpoint. Raises UserError where there is no model, MissingExtraError without torch.
    """
    from codeprimer.run.complete import complete_function

    return complete_function(folder, None, prompt, max_new_tokens).text
