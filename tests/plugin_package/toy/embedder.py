"""An embedder that counts how often each letter occurs."""

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from codeprimer.api import Embedder, Matrix, PluginSettings


class LettersSettings(PluginSettings):
    """Which letters are counted."""

    letters: str = Field(default="abcdefghijklmnopqrstuvwxyz", min_length=1, description="The letters to count.")


class LettersEmbedder(Embedder):
    """Letter frequencies [texts, letters]."""

    Settings = LettersSettings
    in_workers = True

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return one row per text; equal texts must give equal rows, whatever other texts are passed."""
        rows = [[text.count(letter) / max(len(text), 1) for letter in self.settings.letters] for text in texts]
        return np.array(rows, dtype=np.float32)
