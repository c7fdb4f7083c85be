"""A source: the Python blocks of Markdown files, one document each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from codeprimer.api import Chunk, PathSettings, RawDocument, Source, digest_files_below


class MarkdownSettings(PathSettings):
    """A folder of Markdown files; ``name`` and ``path`` are inherited."""

    fence: str = Field(default="python", description="The word after the fence of a block.")


@dataclass(frozen=True)
class MarkdownChunk:
    """One file; it is pickled and read by a worker process."""

    file: Path
    fence: str

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield one document per block; ``limit`` is the most bytes of a document that are wanted."""
        blocks = re.findall(rf"^```{re.escape(self.fence)}\n(.*?)^```", self.file.read_text(), re.DOTALL | re.MULTILINE)
        for number, block in enumerate(blocks):
            yield RawDocument(f"{self.file.stem}/{number}.py", self.file.stem, None, block.encode()[: limit + 1])


class MarkdownSource(Source):
    """The Python blocks of the Markdown files below ``path``; each file is a package."""

    Settings = MarkdownSettings
    settings: MarkdownSettings

    def digest(self) -> str:
        """Return a digest of everything that is read, so that a changed file makes a new corpus."""
        return digest_files_below(self.settings.path, ".md")

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the work for the worker processes, in a fixed order; ``size`` is the wanted size of a chunk [bytes]."""
        for file in sorted(self.settings.path.rglob("*.md")):
            yield MarkdownChunk(file, self.settings.fence)
