"""What the scorer sees of a text: hashed words and pairs of words, and some dense signs.

The words are hashed and counted in NumPy on the bytes. The dense signs are shares and densities that a glance would
take in: how much is documentation, what the code leans on, how deep and long its functions are, which keywords and
symbols occur how often. Those of the syntax tree are the same that the rubric reads; so how well the scorer agrees with
the rubric says how well judgement can be learned from them, and nothing about how good the rubric is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.python_imports import Origin
from codeprimer.analysis.python_signs import ModuleSigns
from codeprimer.analysis.python_source import NotPythonError
from codeprimer.analysis.python_walk import signs_of
from codeprimer.analysis.words import U64Array, mix, word_hashes

_HEAD_COMMENT = re.compile(r"\A(?:[ \t\f]*(?:#[^\n]*)?\n)+")
_PAIR_FACTORS = (np.uint64(0x9FB21C651E98DF25), np.uint64(0xD6E8FEB86659FD93))

_WORDS = (
    "def class return if elif else for while in not and or is import from as self cls raise try except finally with "
    "lambda yield pass None True False assert async await del global nonlocal break continue print range len int str "
    "list dict set tuple float bool sum min max sorted enumerate zip map isinstance getattr setattr hasattr super type "
    "property staticmethod classmethod __init__ append join split format items keys get ValueError TypeError os sys np "
    "numpy args kwargs i j n x y result value name Parameters Returns Example"
)
_WORD_LIST = tuple(_WORDS.split())
_WORD_HASHES = np.concatenate([word_hashes(word.encode()) for word in _WORD_LIST])
_WORD_ORDER = np.argsort(_WORD_HASHES)
_SYMBOLS = "()[]{}=+-*/%<>!&|^~.,:;@#\"'_\\"
_SYMBOL_CODES = np.frombuffer(_SYMBOLS.encode(), dtype=np.uint8)
_INDENTS = (0, 4, 8, 12, 16, 24)
_ORIGINS: tuple[Origin, ...] = ("local", "builtin", "plain", "plumbing", "foreign")
_IMPORT_KINDS = ("local", "plain", "plumbing", "foreign", "relative")
_SHAPE = (
    "log_bytes", "log_lines", "blank_lines", "comment_lines", "mean_line", "longest_line", "mean_indent", "digits",
    "capitals", "mean_word", "distinct_words",
)  # fmt: skip
_TREE = (
    "log_nodes", "nodes_per_line", "functions", "classes", "documented", "documented_lines", "documented_classes",
    "doctests", "work", "log_work", "trivial", "literal_lines", "top_statements", "mean_function", "longest_function",
    "mean_depth", "mean_branches", "most_branches", "short_names", "annotated", "methods", "undefined",
    "wildcard_imports", "system_imports", "dynamic", "self_attributes", "basic_attributes", "other_attributes",
)  # fmt: skip

DENSE_NAMES: tuple[str, ...] = (
    *_SHAPE,
    *_TREE,
    *(f"uses_{origin}" for origin in _ORIGINS),
    *(f"imports_{kind}" for kind in _IMPORT_KINDS),
    *(f"indent_{indent}" for indent in _INDENTS),
    *(f"word_{word}" for word in _WORD_LIST),
    *(f"symbol_{symbol}" for symbol in _SYMBOLS),
)
"""The dense signs, in order."""

LENGTH = DENSE_NAMES.index("log_bytes")
DOCUMENTED = DENSE_NAMES.index("documented")


@dataclass(frozen=True)
class TextFeatures:
    """One text's hashed counts and dense signs."""

    buckets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.float32]
    dense: npt.NDArray[np.float32]


def look(text: str, bucket_bits: int) -> TextFeatures:
    """Return the features of a text; the comment block at its head, usually a licence, is left out."""
    body = _HEAD_COMMENT.sub("", text) or text
    data = body.encode("utf-8", "surrogatepass")
    words = word_hashes(data)
    pairs = mix(words[:-1] * _PAIR_FACTORS[0] + words[1:] * _PAIR_FACTORS[1])
    mask = np.uint64((1 << bucket_bits) - 1)
    buckets, counts = np.unique(np.concatenate([words, pairs]) & mask, return_counts=True)
    return TextFeatures(buckets.astype(np.int64), counts.astype(np.float32), _dense(body, data, words))


def _dense(text: str, data: bytes, words: U64Array) -> npt.NDArray[np.float32]:
    codes = np.frombuffer(data, dtype=np.uint8)
    characters = np.bincount(codes, minlength=256) / max(len(codes), 1)
    lines = text.split("\n")
    parts = (
        _shape(text, lines, words, characters),
        _tree_signs(text),
        _indents(lines),
        _word_shares(words),
        characters[_SYMBOL_CODES],
    )
    dense = np.concatenate(parts).astype(np.float32)
    assert len(dense) == len(DENSE_NAMES)
    return dense


def _shape(
    text: str, lines: list[str], words: U64Array, characters: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    full = [line for line in lines if line.strip()]
    code = max(len(full), 1)
    values = (
        np.log1p(len(text)),
        np.log1p(code),
        1 - len(full) / len(lines),
        sum(line.lstrip().startswith("#") for line in full) / code,
        sum(map(len, full)) / code,
        max(map(len, full), default=0),
        sum(len(line) - len(line.lstrip()) for line in full) / code,
        characters[48:58].sum(),
        characters[65:91].sum(),
        len(text) / max(len(words), 1),
        len(np.unique(words)) / max(len(words), 1),
    )
    return np.array(values, dtype=np.float64)


def _tree_signs(text: str) -> npt.NDArray[np.float64]:
    """Return the signs of the syntax tree; zeros for what is no Python."""
    try:
        signs = signs_of(text)
    except NotPythonError:
        return np.zeros(len(_TREE) + len(_ORIGINS) + len(_IMPORT_KINDS), dtype=np.float64)
    uses = max(sum(signs.uses.values()), 1)
    return np.array(
        [
            *_tree_values(signs),
            *(signs.uses[origin] / uses for origin in _ORIGINS),
            *(signs.imports[kind] / np.sqrt(max(signs.lines, 1)) for kind in _IMPORT_KINDS),
        ],
        dtype=np.float64,
    )


def _tree_values(signs: ModuleSigns) -> tuple[float, ...]:
    functions = signs.functions
    lines, nodes, count = max(signs.lines, 1), max(signs.nodes, 1), max(len(functions), 1)
    body = max(sum(function.lines for function in functions), 1)
    work = sum(function.work for function in functions)
    return (
        np.log1p(signs.nodes),
        signs.nodes / lines,
        len(functions) / lines,
        signs.classes / lines,
        sum(function.documented for function in functions) / count,
        sum(function.lines for function in functions if function.documented) / body,
        signs.documented_classes / max(signs.classes, 1),
        signs.doctests / lines,
        work / nodes,
        np.log1p(work),
        sum(function.is_trivial for function in functions) / count,
        signs.literal_lines / lines,
        signs.top_statements / lines,
        body / count,
        max((function.lines for function in functions), default=0),
        sum(function.depth * function.lines for function in functions) / body,
        sum(function.branches for function in functions) / count,
        max((function.branches for function in functions), default=0),
        sum(function.short_names for function in functions) / max(sum(function.names for function in functions), 1),
        sum(function.annotated for function in functions) / (sum(function.arguments for function in functions) + count),
        sum(function.method for function in functions) / count,
        signs.undefined / nodes,
        signs.wildcard_imports,
        signs.system_imports,
        signs.dynamic,
        signs.self_attributes / nodes,
        signs.basic_attributes / nodes,
        (signs.attributes - signs.self_attributes - signs.basic_attributes) / nodes,
    )


def _indents(lines: list[str]) -> npt.NDArray[np.float64]:
    depths = np.array([len(line) - len(line.lstrip()) for line in lines if line.strip()] or [0], dtype=np.int64)
    counts = np.bincount(np.searchsorted(_INDENTS, depths, side="right") - 1, minlength=len(_INDENTS))
    return counts / len(depths)


def _word_shares(words: U64Array) -> npt.NDArray[np.float64]:
    ordered = _WORD_HASHES[_WORD_ORDER]
    places = np.minimum(np.searchsorted(ordered, words), len(ordered) - 1)
    counts = np.bincount(places[ordered[places] == words], minlength=len(ordered))
    shares = np.empty(len(ordered), dtype=np.float64)
    shares[_WORD_ORDER] = counts / max(len(words), 1)
    return shares
