"""The feature matrix that a scorer reads: the embedder's vectors, and dense features of each text.

The dense features are fractions and densities: how much is documentation, where the names in use come from, how deep and
long the functions are, how often each keyword and symbol occurs. The rubric reads the same syntax-tree features, so a
scorer's agreement with the rubric shows how well labels can be learned from them, not how good the rubric is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from codeprimer.analysis.python_imports import Origin
from codeprimer.analysis.python_signs import ModuleSigns
from codeprimer.analysis.python_source import NotPythonError
from codeprimer.analysis.python_walk import signs_of
from codeprimer.analysis.words import U64Array, word_hashes
from codeprimer.embedders.embedder import Embedder, Matrix, embed

Signs = npt.NDArray[np.float32]
"""Dense features [texts, len(SIGN_NAMES)]."""

_HEAD_COMMENT = re.compile(r"\A(?:[ \t\f]*(?:#[^\n]*)?\n)+")

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

SIGN_NAMES: tuple[str, ...] = (
    *_SHAPE,
    *_TREE,
    *(f"uses_{origin}" for origin in _ORIGINS),
    *(f"imports_{kind}" for kind in _IMPORT_KINDS),
    *(f"indent_{indent}" for indent in _INDENTS),
    *(f"word_{word}" for word in _WORD_LIST),
    *(f"symbol_{symbol}" for symbol in _SYMBOLS),
)
"""The names of the dense features, in order."""

LENGTH = SIGN_NAMES.index("log_bytes")
DOCUMENTED = SIGN_NAMES.index("documented")


@dataclass(frozen=True)
class Features:
    """The feature matrix of some texts, one row per text."""

    vectors: Matrix
    signs: Signs

    def __len__(self) -> int:
        return len(self.signs)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> Features:
        return Features(self.vectors[rows], self.signs[rows])

    def save(self, folder: Path) -> None:
        """Write both matrices into a folder."""
        save_vectors(folder, self.vectors)
        save_signs(folder, self.signs)

    @classmethod
    def load(cls, folder: Path) -> Features:
        """Return the features that ``save`` wrote."""
        return cls(_load_vectors(folder), load_signs(folder))


def features_of(texts: Sequence[str], embedder: Embedder, signs: Signs | None = None) -> Features:
    """Return the features of at least one text; ``signs`` are the dense features, if already known."""
    if signs is None:
        signs = np.stack([text_signs(text) for text in texts])
    return Features(vectors_of(texts, embedder), signs)


def vectors_of(texts: Sequence[str], embedder: Embedder) -> Matrix:
    """Return the vectors of at least one text; the comment block at its head is ignored."""
    return embed(embedder, [without_head_comment(text) for text in texts])


def concatenate(parts: Sequence[Features]) -> Features:
    """Return the rows of all parts as one matrix. Raises ValueError if their vectors differ in width."""
    return Features(stack([part.vectors for part in parts]), np.concatenate([part.signs for part in parts]))


def stack(matrices: Sequence[Matrix]) -> Matrix:
    """Return the rows of all matrices as one matrix. Raises ValueError if they differ in width."""
    if all(isinstance(matrix, np.ndarray) for matrix in matrices):
        return np.concatenate(matrices)
    from scipy.sparse import vstack

    return vstack(matrices, format="csr")


def save_vectors(folder: Path, vectors: Matrix) -> None:
    """Write an embedder's vectors into a folder."""
    if isinstance(vectors, np.ndarray):
        np.save(folder / "vectors.npy", vectors, allow_pickle=False)
        return
    from scipy.sparse import save_npz

    save_npz(folder / "vectors.npz", vectors, compressed=False)


def _load_vectors(folder: Path) -> Matrix:
    if (folder / "vectors.npz").exists():
        from scipy.sparse import load_npz

        return load_npz(folder / "vectors.npz")
    vectors: Matrix = np.load(folder / "vectors.npy", allow_pickle=False)
    return vectors


def save_signs(folder: Path, signs: Signs) -> None:
    """Write dense features into a folder."""
    np.save(folder / "signs.npy", signs, allow_pickle=False)


def load_signs(folder: Path) -> Signs:
    """Return the dense features that ``save_signs`` wrote."""
    signs: Signs = np.load(folder / "signs.npy", allow_pickle=False)
    return signs


def without_head_comment(text: str) -> str:
    """Return a text without the comment block at its head, usually a licence notice."""
    return _HEAD_COMMENT.sub("", text) or text


def text_signs(text: str) -> Signs:
    """Return a text's dense features [len(SIGN_NAMES)]; the comment block at its head is ignored."""
    body = without_head_comment(text)
    data = body.encode("utf-8", "surrogatepass")
    words = word_hashes(data)
    codes = np.frombuffer(data, dtype=np.uint8)
    characters = np.bincount(codes, minlength=256) / max(len(codes), 1)
    lines = body.split("\n")
    groups = (
        _shape(body, lines, words, characters),
        _tree_signs(body),
        _indents(lines),
        _word_frequencies(words),
        characters[_SYMBOL_CODES],
    )
    signs = np.concatenate(groups).astype(np.float32)
    assert len(signs) == len(SIGN_NAMES)
    return signs


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
    """Return the syntax-tree features; zeros if the text is not Python."""
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


def _word_frequencies(words: U64Array) -> npt.NDArray[np.float64]:
    ordered = _WORD_HASHES[_WORD_ORDER]
    indices = np.minimum(np.searchsorted(ordered, words), len(ordered) - 1)
    counts = np.bincount(indices[ordered[indices] == words], minlength=len(ordered))
    frequencies = np.empty(len(ordered), dtype=np.float64)
    frequencies[_WORD_ORDER] = counts / max(len(words), 1)
    return frequencies
