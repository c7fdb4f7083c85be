"""The shape of the house: imports point one way, stages never import each other, heavy packages stay outside."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeprimer.run.stages import STAGES as ALL_STAGES

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "codeprimer"

INSIDE = SOURCE / "sandbox" / "inside"
"""What runs in the jail: loaded by its path, where the package's own name means nothing."""

CORE = {"core"}
SERVICES = {
    "analysis", "authors", "benchmarks", "curriculum", "embedders", "engines", "model", "reporting", "sandbox", "teachers",
}  # fmt: skip
STAGES = {stage.__module__.split(".")[1] for stage in ALL_STAGES} - {"report"}
# The layer of everything else is the assembly: run, commands, report, and api.


def layer(part: str) -> int:
    """Return 0 for core, 1 for a service, 2 for a stage, 3 for the assembly."""
    return 0 if part in CORE else 1 if part in SERVICES else 2 if part in STAGES else 3


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the first name below the package: a folder, or a module of the assembly."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[str]:
    """Yield the parts of the package that a module imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text())):
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


def test_no_two_parts_import_each_other() -> None:
    arrows = {(part_of(path), other) for path in modules() for other in imported_parts(path)}
    pairs = sorted((a, b) for a, b in arrows if a < b and (b, a) in arrows)
    assert pairs == []


@pytest.mark.parametrize("path", sorted(INSIDE.glob("*.py")), ids=lambda path: path.name)
def test_what_runs_in_the_jail_imports_its_neighbours_and_the_standard_library_only(path: Path) -> None:
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    absolute = [node for node in imports if not getattr(node, "level", 0)]
    names = {
        alias.name if isinstance(node, ast.Import) else str(node.module) for node in absolute for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_every_folder_is_in_the_documented_layers() -> None:
    folders = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= CORE | SERVICES | STAGES | {"run", "commands", "report"}


def test_every_module_says_what_it_is() -> None:
    silent = [str(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


@pytest.mark.parametrize("module", ["codeprimer.commands.app", "codeprimer.run.flow", "codeprimer.run.recipe"])
def test_the_command_line_starts_without_the_heavy_packages(module: str) -> None:
    heavy = ("torch", "sklearn", "scipy", "tokenizers", "tiktoken", "transformers", "datasets", "altair", "pandas")
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {set(heavy)!r}))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_what_an_engine_yields_is_taken_whole_or_closed() -> None:
    for path in modules():
        tree = ast.parse(path.read_text())
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
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not banned & {alias.name.split(".")[0] for alias in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in banned, path
