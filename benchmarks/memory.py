"""Memory use of the corpus and quality stages as the input grows; it must stay flat.

``scripts/bench memory`` builds folders of 50, 100, 200 and 400 MB of Python code from the installed packages' files
(each copy with different names, so that no two files are duplicates). It runs both stages on each folder in a fresh process
with two workers, samples the resident set of every process in that run, and writes ``benchmarks/results/memory.json``.

The limit is 600 MB for the largest process. The sum over the main process and both workers is also reported; it counts
shared pages (libraries) once per process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import keyword
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.machine import machine

from codeprimer.core.artifact import Store
from codeprimer.core.console import Console
from codeprimer.core.plugins import Tool
from codeprimer.core.stage import Tools, identify, run_stage
from codeprimer.corpus.settings import CorpusSettings
from codeprimer.corpus.sources.base import PathSettings
from codeprimer.corpus.stage import CorpusStage
from codeprimer.engines.local import local_engine
from codeprimer.quality.settings import QualitySettings
from codeprimer.quality.stage import QualityStage

RESULT = Path(__file__).parent / "results" / "memory.json"
SIZES = (50, 100, 200, 400)  # MB
LIMIT = 600  # MB
INTERVAL = 0.02  # s
PACKAGES = ("codeprimer", "numpy", "pyarrow", "scikit-learn", "scipy")
_NAME = re.compile(r"\b[a-z_][a-z0-9_]{3,}\b")
_TESTS = re.compile(r"(?:^|/)_?tests?/|/test_|_test\.py$|/conftest\.py$")


def main() -> int:
    """Run the benchmark, or one measurement in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="sizes of the input [MB]")
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--run", type=Path, nargs=2, metavar=("CODE", "STORE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        return run_stages(*arguments.run)
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(size, Path(scratch)) for size in arguments.sizes]
    passed = all(row["largest_process_MB"] <= LIMIT for row in rows)
    result = {"limit_MB": LIMIT, "passed": passed, "machine": machine(PACKAGES), "rows": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"largest process at most {LIMIT} MB: {'yes' if passed else 'NO'}; {arguments.output} written")
    return 0 if passed else 1


def measure(size: int, scratch: Path) -> dict[str, Any]:
    """Return both stages' memory use and time on ``size`` MB of code."""
    code = scratch / f"code-{size}"
    files, written = write_code(code, size * 10**6)
    command = [sys.executable, __file__, "--run", str(code), str(scratch / f"store-{size}")]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    largest, total = watch(process)
    output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"the run on {size} MB failed")
    row = {
        "input_MB": round(written / 1e6, 1),
        "files": files,
        "largest_process_MB": round(largest / 1e6, 1),
        "all_processes_MB": round(total / 1e6, 1),
        "seconds": round(time.monotonic() - started, 1),
        "headlines": output.strip().splitlines(),
    }
    print(json.dumps(row))
    return row


def run_stages(code: Path, store: Path) -> int:
    """Run corpus and quality on a folder with two workers."""
    console = Console("quiet")
    tools = Tools(local_engine(console, 2), console, 1, {"console": Tool(lambda: console), "seed": Tool(lambda: 1)})
    settings = CorpusSettings(sources=(PathSettings(kind="folder", name="code", path=code),))
    stage = CorpusStage()
    corpus = run_stage(stage, settings, {}, identify(stage, settings, {}, tools), Store(store), tools)
    quality, chosen = QualityStage(), QualitySettings()
    identity = identify(quality, chosen, {"corpus": corpus.artifact.id}, tools)
    kept = run_stage(quality, chosen, {"corpus": corpus.artifact}, identity, Store(store), tools)
    print(f"corpus: {corpus.headline} ({corpus.seconds:.1f} s)")
    print(f"quality: {kept.headline} ({kept.seconds:.1f} s)")
    return 0


def watch(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Watch a run until it ends; return the peak resident set [bytes] of its largest process and of all its processes."""
    largest = total = 0
    while process.poll() is None:
        sizes = [resident(pid) for pid in family(process.pid)]
        largest = max([largest, *sizes])
        total = max(total, sum(sizes))
        time.sleep(INTERVAL)
    return largest, total


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def resident(pid: int) -> int:
    """Return a process's current resident set [bytes]."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def write_code(folder: Path, size: int) -> tuple[int, int]:
    """Write about ``size`` bytes of Python below ``folder``; return the numbers of files and bytes."""
    files = written = copy = 0
    while True:
        for path, package in installed():
            text = renamed(path.read_text(encoding="utf-8", errors="ignore"), copy)
            target = folder / f"{package}-{copy}" / f"{files:06d}.py"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            files += 1
            written += target.stat().st_size
            if written >= size:
                return files, written
        copy += 1


def installed() -> Iterator[tuple[Path, str]]:
    """Yield the files of the standard library and of installed packages, except tests, with their package names."""
    library, packages = Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))
    for root, prefix in ((packages, ""), (library, "stdlib-")):
        for path in sorted(root.rglob("*.py")):
            relative = path.relative_to(root).as_posix()
            if "site-packages" not in relative and not _TESTS.search(relative) and path.stat().st_size < 10**6:
                yield path, prefix + relative.split("/")[0].removesuffix(".py")


def renamed(text: str, copy: int) -> str:
    """Return a text with about every seventh name replaced, so that no copy is a near-duplicate of another."""

    def rename(match: re.Match[str]) -> str:
        name = match.group(0)
        digest = hashlib.blake2b(name.encode(), digest_size=2, salt=copy.to_bytes(8, "big")).digest()
        return name if digest[0] % 7 or keyword.iskeyword(name) else f"{name}_{copy}"

    return _NAME.sub(rename, text) if copy else text


if __name__ == "__main__":
    sys.exit(main())
