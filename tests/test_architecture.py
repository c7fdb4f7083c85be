"""The structure of the code: directions of imports, sizes of files and functions, heavy packages."""

from __future__ import annotations

import ast
import functools
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from codeprimer.run.stages import STAGES as ALL_STAGES

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "codeprimer"

INSIDE = SOURCE / "sandbox" / "inside"
"""Code that runs in the jail: loaded by path, so its imports are relative."""

CORE = {"core"}
SERVICES = {
    "analysis", "authors", "benchmarks", "curriculum", "embedders", "engines", "model", "reporting", "sandbox", "teachers",
}  # fmt: skip
STAGES = {stage.__module__.split(".")[1] for stage in ALL_STAGES} - {"report"}
# Everything else is the assembly: run, commands, report, and api.

MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_MEDIAN, MAX_P90 = 450, 65, 8, 20


def layer(part: str) -> int:
    """Return 0 for core, 1 for a service, 2 for a stage, 3 for the assembly."""
    return 0 if part in CORE else 1 if part in SERVICES else 2 if part in STAGES else 3


@functools.cache
def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def part_of(path: Path) -> str:
    """Return the first name below the package: a folder, or a module of the assembly."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[str]:
    """Yield the parts of the package that a module imports, wherever in it the import stands."""
    for node in ast.walk(tree_of(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if path.parent == INSIDE and node.level == 1:
                continue
            assert node.level == 0, f"{path}: imports are absolute, so that their direction can be read"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            words = name.split(".")
            if words[0] == "codeprimer" and len(words) > 1 and not words[1].startswith("__"):
                yield words[1]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way_and_stages_never_import_each_other(path: Path) -> None:
    part = part_of(path)
    for other in imported_parts(path):
        if other == part:
            continue
        assert layer(other) <= layer(part), f"{part} (layer {layer(part)}) imports {other} (layer {layer(other)})"
        assert not (part in STAGES and other in STAGES), f"stage {part} imports stage {other}"


def imports_at_module_level(nodes: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run, or that a type checker follows, when a module is loaded."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.Try):
            yield from imports_at_module_level([*node.body, *node.orelse])


def imported_files(path: Path) -> Iterator[Path]:
    """Yield the files of the package that a module imports at module level."""
    files = set(modules())
    for node in imports_at_module_level(tree_of(path).body):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            package = ".".join(path.relative_to(SOURCE.parent).parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            whole = SOURCE.parent.joinpath(*name.split("."))  # a module, or a name inside one
            found = (whole.with_suffix(".py"), whole.parent.with_suffix(".py"), whole.parent / "__init__.py")
            yield from [file for file in found if file in files][:1]


def test_no_files_import_each_other_in_a_circle() -> None:
    files = modules()
    places = {path: place for place, path in enumerate(files)}
    arrows = [(places[path], places[other]) for path in files for other in imported_files(path)]
    rows, columns = np.array(arrows).T
    graph = csr_array((np.ones(len(arrows)), (rows, columns)), shape=(len(files), len(files)))
    _, labels = connected_components(graph, directed=True, connection="strong")
    groups: dict[int, list[str]] = {}
    for path, label in zip(files, labels, strict=True):
        groups.setdefault(label, []).append(str(path.relative_to(SOURCE)))
    circles = [group for group in groups.values() if len(group) > 1]
    circles += [[str(files[place].relative_to(SOURCE))] for place, other in arrows if place == other]
    assert circles == []


def test_no_file_is_too_long() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES} == {}
    assert statistics.median(lengths.values()) <= MAX_MEDIAN
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= MAX_P90


def test_no_two_parts_import_each_other() -> None:
    arrows = {(part_of(path), other) for path in modules() for other in imported_parts(path)}
    pairs = sorted((a, b) for a, b in arrows if a < b and (b, a) in arrows)
    assert pairs == []


@pytest.mark.parametrize("path", sorted(INSIDE.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_in_the_jail_imports_its_neighbours_and_the_standard_library_only(path: Path) -> None:
    imports = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Import | ast.ImportFrom)]
    absolute = [node for node in imports if not getattr(node, "level", 0)]
    names = {
        alias.name if isinstance(node, ast.Import) else str(node.module) for node in absolute for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_every_folder_is_in_the_documented_layers() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= CORE | SERVICES | STAGES | {"run", "commands", "report"}


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(tree_of(path))]
    assert silent == []


@pytest.mark.parametrize("module", ["codeprimer.commands.app", "codeprimer.run.flow", "codeprimer.run.recipe"])
def test_the_command_line_starts_without_the_heavy_packages(module: str) -> None:
    heavy = ("torch", "sklearn", "scipy", "tokenizers", "tiktoken", "transformers", "datasets", "altair", "pandas")
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {set(heavy)!r}))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_what_an_engine_yields_is_taken_whole_or_closed() -> None:
    for path in modules():
        if "tools.engine.map(" not in path.read_text():
            continue
        tree = tree_of(path)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        takers = [call for call in calls if ast.unparse(call.func) in ("list", "closing", "contextlib.closing")]
        taken = {ast.unparse(argument) for call in takers for argument in call.args}
        named = {
            ast.unparse(node.value): ast.unparse(node.targets[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
        }
        for call in map(ast.unparse, calls):
            if call.startswith("tools.engine.map("):
                assert {call, named.get(call)} & taken, f"{path}: a generator that is dropped swallows an interrupt"


def test_nothing_reads_or_writes_pickle_files() -> None:
    banned = {"pickle", "joblib", "dill", "shelve", "marshal", "cloudpickle"}
    for path in modules():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Import):
                assert not banned & {alias.name.split(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in banned, path
