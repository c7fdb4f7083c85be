"""A source that yields each Python block in Markdown files as a document."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from codeprimer.api import Chunk, PathSettings, RawDocument, Source, digest_files_below


class MarkdownSettings(PathSettings):
    """A folder of Markdown files; ``name`` and ``path`` are inherited."""

    fence: str = Field(default="python", description="The word after a code block's opening fence.")


@dataclass(frozen=True)
class MarkdownChunk:
    """One file; the chunk is pickled, and a worker process reads the file."""

    file: Path
    fence: str

    def documents(self, limit: int) -> Iterator[RawDocument]:
        """Yield one document per block; at most ``limit + 1`` bytes of a document are needed."""
        blocks = re.findall(rf"^```{re.escape(self.fence)}\n(.*?)^```", self.file.read_text(), re.DOTALL | re.MULTILINE)
        for number, block in enumerate(blocks):
            yield RawDocument(f"{self.file.stem}/{number}.py", self.file.stem, None, block.encode()[: limit + 1])


class MarkdownSource(Source):
    """The Python blocks in the Markdown files below ``path``; each file is a package."""

    Settings = MarkdownSettings
    settings: MarkdownSettings

    def digest(self) -> str:
        """Return a digest of all files that are read, so that a changed file leads to a new corpus."""
        return digest_files_below(self.settings.path, ".md")

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the chunks for the worker processes, in a fixed order; ``size`` is the desired chunk size [bytes]."""
        for file in sorted(self.settings.path.rglob("*.md")):
            yield MarkdownChunk(file, self.settings.fence)
