"""The row types of all tables, in the order in which a document passes through them; each also defines an Arrow schema.

Read this file first.

All tables share their ids: ``doc_id`` is the SHA-256 hash of a document's text, so equal texts are the same document
wherever they occur; ``task_id`` identifies an exam or benchmark problem. Every dropped or rejected row is kept, with its
reason.

::

    05-exam           exam, validation, benchmarks
    10-corpus         documents, duplicates, dropped
    20-quality        labels, scores, kept, dropped
    30-textbooks      sections, rejected
    40-exercises      exercises, rejected
    50-contamination  matches, raw, code, textbooks, exercises        (the last four: training texts)
    60-tokens         index          (next to tokenizer.json and the memory-mapped token files)
    70-control, 71-base, 72-tuned    exposure    (next to the checkpoint)
    80-evaluation     samples, scores, bits_per_byte
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

import pyarrow as pa

from codeprimer.core.errors import nearest

Float32 = Annotated[float, pa.float32()]
Int32 = Annotated[int, pa.int32()]

_ARROW = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64(), list[str]: pa.list_(pa.string())}


def schema_of(row: type) -> pa.Schema:
    """Return the Arrow schema of a table whose rows are of the type ``row`` (a TypedDict)."""
    return pa.schema([(name, _arrow(hint)) for name, hint in get_type_hints(row, include_extras=True).items()])


def _arrow(hint: Any) -> pa.DataType:
    if hasattr(hint, "__metadata__"):
        return hint.__metadata__[0]
    not_null = [part for part in get_args(hint) if part is not NoneType]
    return _ARROW[not_null[0] if NoneType in get_args(hint) else hint]


TRAINING_SETS = ("raw", "code", "textbooks", "exercises")
"""The sets of training texts, in the order in which they are encoded."""


MODELS = ("control", "base", "tuned")
"""The three models of a run, in the order in which they are trained."""


def unknown_sets(key: str, names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for every name under a recipe's ``key`` that is not a training set."""
    for name in names:
        if name not in TRAINING_SETS:
            yield f"{key}.{name}: there is no such training set; {nearest(name, list(TRAINING_SETS))}"


def document_id(text: str) -> str:
    """Return the id of a text: its SHA-256 hash in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- 05-exam ----------------------------------------------------------------------------------------------------------


class Task(TypedDict):
    """A problem in the ``exam``, ``validation`` or ``benchmarks`` table, which no training text may contain."""

    task_id: str  # "exam/0001", "validation/0001", "HumanEval/0", "MBPP/11"
    blueprint: str | None  # the composition that is held out; null for a benchmark given as a file
    concepts: list[str]
    entry_point: str  # the function that the tests call
    prompt: str  # what a model completes: signature and docstring
    solution: str  # a body that passes; prompt + solution is a program
    tests: list[str]  # one assert statement each; a benchmark's check function is one entry
    setup: str  # definitions that the tests use and that are not part of an answer; usually empty


TASKS = schema_of(Task)

# --- 10-corpus --------------------------------------------------------------------------------------------------------


class Document(TypedDict):
    """A distinct, parsed, clean file, in the ``documents`` table."""

    doc_id: str
    parent_id: str | None  # the document that this one was created from by redaction or rewriting, else null
    text: str
    source: str  # the source's name in the recipe
    package: str  # the unit that is never split between training and testing: a package or repository
    path: str  # relative to the source
    license: str | None  # an SPDX identifier, or null if none was found
    origins: list[str]  # "source:path" of every copy, this one first
    split: str  # "train", or "heldout": clean code from packages that are never trained on


DOCUMENTS = schema_of(Document)


class Duplicate(TypedDict):
    """A copy that was dropped, in the ``duplicates`` table."""

    doc_id: str  # the copy that was dropped
    kept_doc_id: str  # the copy that was kept
    kind: str  # "exact" or "near"
    similarity: Float32  # Jaccard similarity of token 5-grams, verified
    source: str
    path: str


DUPLICATES = schema_of(Duplicate)


class DroppedFile(TypedDict):
    """A file that the corpus dropped, in the ``dropped`` table."""

    doc_id: str | None
    source: str
    package: str
    path: str
    reason: str  # the filter's kind, or one of the corpus's own reasons (corpus/reasons.py)
    detail: str | None
    text: str | None  # null if the file is not text or is too large to keep


CORPUS_DROPPED = schema_of(DroppedFile)

# --- 20-quality -------------------------------------------------------------------------------------------------------


class LabelRow(TypedDict):
    """One document's label, in the ``labels`` table."""

    doc_id: str
    package: str
    split: str  # "train", "calibration" or "test"; a package is in one split only
    points: Float32  # 0-5: educational value
    label: bool
    why: list[str]  # the complaints that applied
    annotator: str
    said: str | None  # the reason in the annotator's own words; null for rules
    request_id: str | None  # the teacher's request, null for rules and people


LABELS = schema_of(LabelRow)


class UnlabelledRow(TypedDict):
    """A document without a usable label, in the ``unlabelled`` table, which is written only if there are any."""

    doc_id: str
    reason: str  # "cut_off", "other_form", "withheld", or why no answer came
    detail: str
    answers: list[str]  # all answers about the document


UNLABELLED = schema_of(UnlabelledRow)


class DocumentScore(TypedDict):
    """One document's score, in the ``scores`` table."""

    doc_id: str
    source: str
    score: Float32  # calibrated probability of being worth learning from
    kept: bool
    reason: str | None  # null for a kept document


SCORES = schema_of(DocumentScore)


class KeptDocument(Document):
    """A document worth learning from, in the ``kept`` table."""

    score: Float32


KEPT = schema_of(KeptDocument)


class DroppedDocument(KeptDocument):
    """A document that the quality step dropped, in the ``dropped`` table."""

    reason: str


QUALITY_DROPPED = schema_of(DroppedDocument)

# --- 30-textbooks -----------------------------------------------------------------------------------------------------


class SectionRow(TypedDict):
    """A textbook section, in the ``sections`` table."""

    doc_id: str
    blueprint: str
    concept: str
    concepts: list[str]
    audience: str
    position: Int32  # place in the curriculum
    text: str
    request_id: str | None  # the teacher's request, null for the offline author


SECTIONS = schema_of(SectionRow)


class RejectedSection(TypedDict, total=False):
    """A rejected draft, in the ``rejected`` table; fields that the draft never had are null."""

    doc_id: str
    blueprint: str
    concept: str
    concepts: list[str]
    audience: str
    position: Int32
    text: str
    request_id: str | None
    reason: str
    detail: str


SECTIONS_REJECTED = schema_of(RejectedSection)

# --- 40-exercises -----------------------------------------------------------------------------------------------------


class ExerciseRow(TypedDict):
    """An executed exercise, in the ``exercises`` table."""

    doc_id: str  # of prompt + solution
    blueprint: str
    concepts: list[str]
    style: str
    entry_point: str
    prompt: str
    solution: str
    tests: list[str]
    verdict: str
    tier: str  # the sandbox's tier: "jailed", "confined" or "weak"
    request_id: str | None


EXERCISES = schema_of(ExerciseRow)


class RejectedExercise(TypedDict, total=False):
    """A rejected draft, in the ``rejected`` table; fields that the draft never had are null."""

    doc_id: str
    blueprint: str
    concepts: list[str]
    style: str
    entry_point: str
    prompt: str
    solution: str
    tests: list[str]
    verdict: str
    tier: str
    request_id: str | None
    reason: str
    detail: str


EXERCISES_REJECTED = schema_of(RejectedExercise)

# --- 50-contamination -------------------------------------------------------------------------------------------------


class Match(TypedDict):
    """A training text that repeats a problem, in the ``matches`` table."""

    doc_id: str
    training_set: str  # "raw", "code", "textbooks" or "exercises"
    task_id: str
    measure: str  # "words-13gram" or "syntax-tree"
    value: Float32
    removed: bool
    document_excerpt: str
    task_excerpt: str


MATCHES = schema_of(Match)


class TrainingText(TypedDict):
    """A clean text, ready to be tokenised, in the ``raw``, ``code``, ``textbooks`` or ``exercises`` table."""

    doc_id: str
    text: str
    prompt_bytes: Int32  # [bytes] of UTF-8 at the start of the text that state a task; the following text answers it


TRAINING_TEXTS = schema_of(TrainingText)

# --- 60-tokens --------------------------------------------------------------------------------------------------------


class TokenSpan(TypedDict):
    """The position of a document's tokens, in the ``index`` table."""

    doc_id: str
    training_set: str
    shard: Int32
    start: int  # [tokens] from the start of the shard
    length: Int32  # [tokens], including the end-of-text token
    prompt: Int32  # [tokens] at the start that state a task; the following tokens answer it


TOKEN_INDEX = schema_of(TokenSpan)

# --- 70-control, 71-base, 72-tuned ------------------------------------------------------------------------------------


class Exposure(TypedDict):
    """How often a document was trained on, in the ``exposure`` table; documents that no training step used are not listed."""

    doc_id: str
    training_set: str
    tokens_seen: int  # [tokens] of the document that were training targets, including repetitions
    times_seen: Float32  # tokens_seen divided by the document's length


EXPOSURE = schema_of(Exposure)

# --- 80-evaluation ----------------------------------------------------------------------------------------------------


class SampleRow(TypedDict):
    """A model's answer and its verdict, in the ``samples`` table."""

    model: str  # "control", "base" or "tuned"; for another checkpoint, its folder's name
    task_id: str
    sample: Int32
    prompt: str
    completion: str
    verdict: str
    detail: str
    tier: str  # the sandbox's tier; "none" if the program was not run
    together: bool  # whether the program shared a process with its tests, so that it could forge the verdict


SAMPLES = schema_of(SampleRow)


class ScoreRow(TypedDict):
    """A model's score, in the ``scores`` table."""

    model: str
    task_set: str  # "exam", or a benchmark's name
    measure: str  # "pass@1"
    passed: Int32
    total: Int32
    value: float
    low: float  # 95 % Wilson interval
    high: float


SCORE_ROWS = schema_of(ScoreRow)


class BitsRow(TypedDict):
    """The bits that a model needs to encode one text, in the ``bits_per_byte`` table."""

    model: str
    text_set: str  # "heldout" or "humaneval-solutions"
    doc_id: str
    package: str  # the unit that intervals resample: texts in one package are alike
    bytes: int
    bits: float


BITS_PER_BYTE = schema_of(BitsRow)
