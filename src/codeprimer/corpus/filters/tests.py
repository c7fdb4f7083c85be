"""Drops tests, recognised by file and folder names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from codeprimer.corpus.filter import File, Filter

_FOLDER = re.compile(r"(?:^|_)tests?$|^testdata$|^test_data$")
_NAME = re.compile(r"^(?:test_.*|.*_tests?|tests?|conftest)\.py$")


class TestsFilter(Filter):
    """Drops tests."""

    def check(self, file: File) -> str | None:
        """Return the folder or file name that identifies the file as a test, or None."""
        *folders, name = PurePosixPath(file.path).parts or ("",)
        for folder in folders:
            if _FOLDER.search(folder):
                return f"in folder {folder}"
        return f"named {name}" if _NAME.match(name) else None
