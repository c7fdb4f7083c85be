"""Every error that codeprimer raises deliberately.

::

    CodeprimerError
    └── UserError              the user can fix it: one sentence (what, where, remedy), exit code 2, no traceback
        ├── RecipeError        a recipe file or an override: names the file and the key
        ├── SourceError        a source of documents or a benchmark file: names the path
        ├── StoreError         a run folder or the store: locked, full, damaged, not codeprimer's
        ├── PluginError        a plug-in that cannot be loaded, or whose code raised an exception: names the plug-in
        ├── MissingExtraError  an optional dependency is not installed: names the extra
        └── EmptyOutputError   a stage would have published nothing: names the setting to check

    Interrupted                Ctrl-C or SIGTERM: exit code 130, the next run continues; not an ``Exception``, so that no
                               error handler swallows it

Broken invariants raise AssertionError and show a traceback: they are bugs.
"""

from __future__ import annotations

import difflib


class CodeprimerError(Exception):
    """The root of all errors raised deliberately."""

    exit_code = 1


class UserError(CodeprimerError):
    """The user can fix the problem; the message is one sentence: what, where, remedy."""

    exit_code = 2


class RecipeError(UserError):
    """A recipe or an override is invalid; the message names the file and the key."""


class SourceError(UserError):
    """A source of documents or a benchmark file cannot be read; the message names the path."""


class StoreError(UserError):
    """A run folder or the store is locked, full, damaged, or not codeprimer's."""


class PluginError(UserError):
    """A plug-in cannot be loaded, or its code raised an exception; the message names the plug-in."""


def nearest(word: str, known: list[str]) -> str:
    """Return a remedy clause: the nearest known word, or all known words."""
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra from a checkout; codeprimer is not on any package index."""
    first = "pip install torch==2.13.0 (the CPU build where the index has one), then " if extra == "train" else ""
    return f"{first}pip install -c constraints.txt '.[{extra}]' in the checkout"


class MissingExtraError(UserError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}, which is not installed: {how_to_install(extra)}")


class EmptyOutputError(UserError):
    """A stage would have published an empty table."""


class Interrupted(BaseException):
    """The user asked the run to stop; everything finished so far is kept."""

    exit_code = 130
