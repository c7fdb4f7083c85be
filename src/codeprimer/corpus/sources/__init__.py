"""Where documents come from: one class per kind, each registered as a plug-in of the kind ``sources``.

A source is made from its settings and the console; it says what it holds (``digest``) and cuts it into chunks, which
are read by the workers. See ``base.py`` for the contract.
"""

from codeprimer.corpus.sources.base import Chunk, FileChunk, RawDocument, Source
from codeprimer.corpus.sources.environment import PythonEnvironmentSource
from codeprimer.corpus.sources.folder import FolderSource
from codeprimer.corpus.sources.jsonl import JsonlSource
from codeprimer.corpus.sources.parquet import ParquetSource

__all__ = [
    "Chunk",
    "FileChunk",
    "FolderSource",
    "JsonlSource",
    "ParquetSource",
    "PythonEnvironmentSource",
    "RawDocument",
    "Source",
]
