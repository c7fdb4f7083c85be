"""The Arrow schema of every table, in the order in which a document meets them. Read this file first.

One id runs through everything: ``doc_id`` is the SHA-256 of a document's text, so the same text is the same document
wherever it turns up; ``task_id`` names one exam or benchmark problem. Every dropped or rejected row is kept, with its
reason.

::

    05-exam           exam, validation, benchmarks
    10-corpus         documents, duplicates, dropped
    20-quality        labels, scores, kept, dropped
    30-textbooks      sections, rejected
    40-exercises      exercises, rejected
    50-contamination  matches, raw, code, textbooks, exercises        (the last four: what may be trained on)
    60-tokens         index          (beside tokenizer.json and the memory-mapped token files)
    70-control, 71-base, 72-tuned    exposure    (beside the checkpoint)
    80-evaluation     samples, scores, bits_per_byte
"""

from __future__ import annotations

import hashlib

import pyarrow as pa

_STRINGS = pa.list_(pa.string())


def document_id(text: str) -> str:
    """Return the id of a text: its SHA-256 in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# --- 05-exam ----------------------------------------------------------------------------------------------------------

TASKS = pa.schema(
    [
        ("task_id", pa.string()),  # "exam/0001", "validation/0001", "HumanEval/0", "MBPP/11"
        ("blueprint", pa.string()),  # the composition that is held out; null for a benchmark given as a file
        ("concepts", _STRINGS),
        ("entry_point", pa.string()),  # the function that the tests call
        ("prompt", pa.string()),  # what a model completes: signature and docstring
        ("solution", pa.string()),  # a body that passes; prompt + solution is a program
        ("tests", _STRINGS),  # one assert statement each; a benchmark's check function is one entry
        ("setup", pa.string()),  # definitions that the tests use and that are no part of an answer; mostly empty
    ]
)
"""``exam``, ``validation`` and ``benchmarks``: problems that nothing trained on may contain."""

# --- 10-corpus --------------------------------------------------------------------------------------------------------

DOCUMENTS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("parent_id", pa.string()),  # the document this one was made from by redaction or rewriting, else null
        ("text", pa.string()),
        ("source", pa.string()),  # the source's name in the recipe
        ("package", pa.string()),  # what must not be split between training and testing: a package, a repository
        ("path", pa.string()),  # relative to the source
        ("license", pa.string()),  # an SPDX identifier, or null where none was found
        ("origins", _STRINGS),  # "source:path" of every copy, this one first
        ("split", pa.string()),  # "train", or "heldout": clean code of packages that are never trained on
    ]
)
"""``documents``: distinct, parsed, clean files."""

DUPLICATES = pa.schema(
    [
        ("doc_id", pa.string()),  # the copy that went
        ("kept_doc_id", pa.string()),  # the copy that stayed
        ("kind", pa.string()),  # "exact" or "near"
        ("similarity", pa.float32()),  # Jaccard similarity of token 5-grams, verified
        ("source", pa.string()),
        ("path", pa.string()),
    ]
)

CORPUS_DROPPED = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("package", pa.string()),
        ("path", pa.string()),
        ("reason", pa.string()),  # a word from the closed set in corpus/filters.py
        ("detail", pa.string()),
        ("text", pa.string()),  # null where it is not text or too large to keep
    ]
)

# --- 20-quality -------------------------------------------------------------------------------------------------------

LABELS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("package", pa.string()),
        ("part", pa.string()),  # "train", "calibration" or "test"; a package is in one part only
        ("points", pa.float32()),  # 0-5: educational value
        ("label", pa.bool_()),
        ("why", _STRINGS),  # the complaints that applied
        ("annotator", pa.string()),
        ("said", pa.string()),  # the reason in the annotator's own words; null for rules
        ("request_id", pa.string()),  # the teacher's request, null for rules and people
    ]
)

UNLABELLED = pa.schema(
    [
        ("doc_id", pa.string()),
        ("reason", pa.string()),  # "cut_off", "other_form", "withheld", or why no answer came
        ("detail", pa.string()),
        ("answers", _STRINGS),  # everything that was said about it
    ]
)
"""``unlabelled``: documents that a teacher gave no usable judgement of; the table is there only where there are any."""

SCORES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("score", pa.float32()),  # calibrated probability of being worth learning from
        ("kept", pa.bool_()),
        ("reason", pa.string()),  # null for a kept document
    ]
)

KEPT = DOCUMENTS.append(pa.field("score", pa.float32()))

QUALITY_DROPPED = KEPT.append(pa.field("reason", pa.string()))

# --- 30-textbooks -----------------------------------------------------------------------------------------------------

SECTIONS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("blueprint", pa.string()),
        ("concept", pa.string()),
        ("concepts", _STRINGS),
        ("audience", pa.string()),
        ("position", pa.int32()),  # place in the curriculum
        ("text", pa.string()),
        ("request_id", pa.string()),  # the teacher's request, null for the offline author
    ]
)

SECTIONS_REJECTED = SECTIONS.append(pa.field("reason", pa.string())).append(pa.field("detail", pa.string()))

# --- 40-exercises -----------------------------------------------------------------------------------------------------

EXERCISES = pa.schema(
    [
        ("doc_id", pa.string()),  # of prompt + solution
        ("blueprint", pa.string()),
        ("concepts", _STRINGS),
        ("style", pa.string()),
        ("entry_point", pa.string()),
        ("prompt", pa.string()),
        ("solution", pa.string()),
        ("tests", _STRINGS),
        ("verdict", pa.string()),
        ("tier", pa.string()),  # what the sandbox was: "jailed", "confined" or "weak"
        ("request_id", pa.string()),
    ]
)

EXERCISES_REJECTED = EXERCISES.append(pa.field("reason", pa.string())).append(pa.field("detail", pa.string()))

# --- 50-contamination -------------------------------------------------------------------------------------------------

MATCHES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("training_set", pa.string()),  # "raw", "code", "textbooks" or "exercises"
        ("task_id", pa.string()),
        ("measure", pa.string()),  # "words-13gram" or "syntax-tree"
        ("value", pa.float32()),
        ("removed", pa.bool_()),
        ("document_excerpt", pa.string()),
        ("task_excerpt", pa.string()),
    ]
)

TRAINING_TEXTS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("text", pa.string()),
        ("prompt_bytes", pa.int32()),  # [bytes] of UTF-8 at the start of the text that are a task; the rest answers it
    ]
)
"""``raw``, ``code``, ``textbooks``, ``exercises``: clean texts, ready to be tokenised."""

# --- 60-tokens --------------------------------------------------------------------------------------------------------

TOKEN_INDEX = pa.schema(
    [
        ("doc_id", pa.string()),
        ("training_set", pa.string()),
        ("shard", pa.int32()),
        ("start", pa.int64()),  # [tokens] from the start of the shard
        ("length", pa.int32()),  # [tokens], the end-of-text token included
        ("prompt", pa.int32()),  # [tokens] at the start that are a task; the rest answers it
    ]
)

# --- 70-control, 71-base, 72-tuned ------------------------------------------------------------------------------------

EXPOSURE = pa.schema(
    [
        ("doc_id", pa.string()),
        ("training_set", pa.string()),
        ("tokens_seen", pa.int64()),  # [tokens] how many of its tokens were a target, repetitions counted
        ("times_seen", pa.float32()),  # the same divided by its length
    ]
)
"""How often each document was trained on; a document that no step reached is not listed."""

# --- 80-evaluation ----------------------------------------------------------------------------------------------------

SAMPLES = pa.schema(
    [
        ("model", pa.string()),  # "control", "base" or "tuned"; of another checkpoint its folder's name
        ("task_id", pa.string()),
        ("sample", pa.int32()),
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("verdict", pa.string()),
        ("detail", pa.string()),
        ("tier", pa.string()),  # what the sandbox was; "none" where the program was not run
        ("together", pa.bool_()),  # whether the program shared a process with its tests, so that it could forge this
    ]
)

SCORE_ROWS = pa.schema(
    [
        ("model", pa.string()),
        ("task_set", pa.string()),  # "exam", or a benchmark's name
        ("measure", pa.string()),  # "pass@1"
        ("passed", pa.int32()),
        ("total", pa.int32()),
        ("value", pa.float64()),
        ("low", pa.float64()),  # 95 % Wilson interval
        ("high", pa.float64()),
    ]
)

BITS_PER_BYTE = pa.schema(
    [
        ("model", pa.string()),
        ("text_set", pa.string()),  # "heldout" or "humaneval-solutions"
        ("doc_id", pa.string()),
        ("package", pa.string()),  # what intervals draw anew: texts of one package are alike
        ("bytes", pa.int64()),
        ("bits", pa.float64()),
    ]
)
