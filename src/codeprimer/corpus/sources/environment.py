"""The Python environment itself: real code that is on every machine that runs codeprimer, under known licences.

The standard library, and a fixed list of the packages that a plain install of codeprimer brings. The list is fixed, so
that a development install, or one with torch, gives the same corpus; codeprimer itself is not on it. Packages that are
almost all compiled code are left out. A listed package that is missing is a warning.
"""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from codeprimer.core.console import Console
from codeprimer.core.errors import SourceError
from codeprimer.corpus.licenses import LICENSE_FILE, license_of_metadata, license_of_text
from codeprimer.corpus.settings import SourceSettings
from codeprimer.corpus.sources.base import Chunk, SourceFile, cut_files, digest_files

PACKAGES = (
    "annotated-types", "anyio", "charset-normalizer", "click", "cloudpickle", "filelock", "fsspec", "h11",
    "httpcore2", "httpx2", "huggingface-hub", "idna", "jinja2", "joblib", "markdown-it-py", "markupsafe", "mdurl",
    "narwhals", "numpy", "packaging", "pip", "pyarrow", "pydantic", "pydantic-core", "pygments", "pyyaml",
    "rapidfuzz", "regex", "requests", "rich", "scikit-learn", "scipy", "setuptools", "shellingham", "threadpoolctl",
    "tiktoken", "tokenizers", "tqdm", "truststore", "typer", "typing-extensions", "typing-inspection", "urllib3",
)  # fmt: skip
"""What installing codeprimer without extras brings, pip included, in names of the package index."""

STANDARD_LIBRARY_LICENSE = "PSF-2.0"

_VENDORED = re.compile(r"(?:^|/)(?:_vendor|_vendored|vendored|vendor)/(?!__init__)([^/]+)")


class PythonEnvironmentSource:
    """The standard library and the packages that codeprimer installs."""

    def __init__(self, settings: SourceSettings, console: Console) -> None:
        if settings.path is not None:
            raise SourceError(
                f"corpus.sources: {settings.name}: kind python_env takes no path; kind folder reads {settings.path}"
            )
        self._console = console

    def digest(self) -> str:
        """Return a digest of paths, packages, licences and contents."""
        return digest_files(self.files())

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield runs of neighbouring files."""
        yield from cut_files(self.files(), size)

    def files(self) -> list[SourceFile]:
        """Return the standard library's files, then each package's, sorted."""
        found = list(standard_library(Path(sysconfig.get_path("stdlib"))))
        for name in PACKAGES:
            try:
                found += distribution_files(metadata.distribution(name))
            except metadata.PackageNotFoundError:
                self._console.warn(f"corpus: {name} is not installed; the corpus will lack it")
        return found


def standard_library(root: Path) -> Iterator[SourceFile]:
    """Yield the standard library's files; each top-level module or package counts as a package of its own."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in {"__pycache__", "dist-packages", "site-packages"})
        relative = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in sorted(names):
            if name.endswith(".py"):
                path = relative / name
                module = path.parts[0].removesuffix(".py")
                file = Path(folder) / name
                yield SourceFile(
                    file, f"stdlib/{path}", f"stdlib/{module}", STANDARD_LIBRARY_LICENSE, file.stat().st_size
                )


def distribution_files(distribution: metadata.Distribution) -> list[SourceFile]:
    """Return an installed package's Python files, sorted; a vendored package keeps its own name and licence."""
    listed = sorted(path for path in _recorded(distribution) if not path.startswith(("../", "/")))
    own = _license(distribution, listed)
    vendored = _vendored_licenses(distribution, listed)
    name = distribution.metadata["Name"].lower()
    found = []
    for path in listed:
        file = Path(str(distribution.locate_file(path)))
        if path.endswith(".py") and file.is_file():
            inner = _VENDORED.search(path)
            package = inner.group(1).removesuffix(".py") if inner else name
            spdx = vendored.get(path[: inner.end()], own) if inner else own
            found.append(SourceFile(file, path, package.replace("_", "-"), spdx, file.stat().st_size))
    return found


def _recorded(distribution: metadata.Distribution) -> list[str]:
    """Return the paths in a package's RECORD; reading it as plain lines is ten times faster than ``files``."""
    record = distribution.read_text("RECORD") or ""
    return [line.split(",", 1)[0] for line in record.splitlines() if line and not line.startswith('"')]


def _license(distribution: metadata.Distribution, listed: list[str]) -> str | None:
    def texts() -> list[str]:
        inside = [path for path in listed if ".dist-info/" in path and _is_license(path)]
        return [_read(distribution, path) for path in inside]

    return license_of_metadata(lambda field: distribution.metadata.get_all(field) or [], texts)


def _vendored_licenses(distribution: metadata.Distribution, listed: list[str]) -> dict[str, str | None]:
    """Return the licences of vendored packages by their folder."""
    found: dict[str, str | None] = {}
    for path in listed:
        inner = _VENDORED.search(path)
        if inner and ".dist-info/" not in path and _is_license(path):
            found.setdefault(path[: inner.end()], license_of_text(_read(distribution, path)))
    return found


def _is_license(path: str) -> bool:
    return LICENSE_FILE.fullmatch(PurePosixPath(path).name) is not None and not path.endswith(".py")


def _read(distribution: metadata.Distribution, path: str) -> str:
    file = Path(str(distribution.locate_file(path)))
    return file.read_bytes().decode("utf-8", "replace") if file.is_file() else ""
