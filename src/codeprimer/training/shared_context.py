"""Process-wide contexts, shared by models that train in parallel threads.

Reads and writes nothing. Key idea: the first thread to enter opens the context, and the last one to leave closes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, ParamSpec

Arguments = ParamSpec("Arguments")


class SharedContext(Generic[Arguments]):
    """A context that is open while at least one thread is inside; the first thread's arguments are used."""

    def __init__(self, make: Callable[Arguments, AbstractContextManager[None]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._users = 0
        self._open: AbstractContextManager[None] | None = None

    @contextmanager
    def __call__(self, *arguments: Arguments.args, **named: Arguments.kwargs) -> Iterator[None]:
        """Enter the context, and leave it at the end of the block."""
        with self._lock:
            if not self._users:
                self._open = self._make(*arguments, **named)
                self._open.__enter__()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users and self._open is not None:
                    self._open.__exit__(None, None, None)
