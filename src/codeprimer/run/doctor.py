"""Checks the machine, or a recipe's teacher."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from rich.markup import escape

import codeprimer
from codeprimer.core.console import Console
from codeprimer.core.errors import PluginError, how_to_install
from codeprimer.core.memory import machine_memory
from codeprimer.core.stage import available_cores

_TIERS = {
    "jailed": "tier jailed: programs run in their own namespaces, under seccomp, Landlock and resource limits",
    "confined": "tier confined: programs run under seccomp and resource limits, without namespaces",
    "weak": "tier weak: stops accidents, not attacks; runs need --allow-weak-sandbox",
}

DEMO_MEMORY = 4 * 2**30
DEMO_DISK = 2 * 2**30


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    state: Literal["good", "missing", "poor"]
    detail: str


def examine() -> list[dict[str, Any]]:
    """Return the findings about this machine, one per check."""
    findings = [
        Finding("codeprimer", "good", codeprimer.__version__),
        Finding("python", "good", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("cores", "good", f"{available_cores()}"),
        _memory(),
        _disk(),
        _extra("train", "torch", "for training, evaluation and `codeprimer complete`"),
        _extra("hub", "transformers", "for checkpoints of other architectures; not needed by a run"),
        _sandbox(),
        _benchmarks(),
    ]
    return [asdict(finding) for finding in findings]


def examine_teacher(recipe: Path) -> list[dict[str, Any]]:
    """Return the findings about a recipe's teacher. Raises RecipeError if the recipe has none."""
    from codeprimer.run.ask import teacher_settings
    from codeprimer.teachers.checkup import check_up

    settings = teacher_settings(recipe, [])
    findings = [Finding("teacher", "good", f"{settings.model} at {', '.join(settings.addresses)}")]
    for check in check_up(settings):
        findings.append(Finding(check.name, "good" if check.is_good else "poor", check.detail))
    return [asdict(finding) for finding in findings]


def _memory() -> Finding:
    total = machine_memory()
    text = f"{total / 2**30:.1f} GiB"
    if total < DEMO_MEMORY:
        return Finding("memory", "poor", f"{text}; the tiny recipe needs 4 GiB")
    return Finding("memory", "good", text)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    text = f"{free / 2**30:.1f} GiB free in {Path.cwd()}"
    if free < DEMO_DISK:
        return Finding("disk", "poor", f"{text}; the tiny recipe needs 2 GiB")
    return Finding("disk", "good", text)


def _extra(extra: str, package: str, purpose: str) -> Finding:
    if find_spec(package) is None:
        return Finding(extra, "missing", f"{purpose}: {how_to_install(extra)}")
    try:
        return Finding(extra, "good", f"{package} {version(package)}")
    except PackageNotFoundError:
        return Finding(extra, "good", package)


def _sandbox() -> Finding:
    from codeprimer.sandbox import JailError, Program, Sandbox, Tier

    right, wrong = (Program(f"def double(x): return {n} * x", ("assert double(3) == 6",)) for n in (2, 3))
    try:
        with Sandbox(workers=1, minimum=Tier.weak) as sandbox:
            good, bad = sandbox.run([right, wrong])
    except JailError as error:
        return Finding("sandbox", "poor", str(error))
    if (good.kind, bad.kind) != ("passed", "failed"):
        return Finding("sandbox", "poor", f"verdict on a correct program: {good.kind}; on a wrong one: {bad.kind}")
    return Finding("sandbox", "poor" if good.tier is Tier.weak else "good", _TIERS[good.tier.name])


def _benchmarks() -> Finding:
    from codeprimer.benchmarks.detect import distributed
    from codeprimer.benchmarks.files import FOLDER_VARIABLE

    try:
        installed = distributed()
    except PluginError as error:
        return Finding("benchmarks", "poor", str(error))
    wanted = ", ".join(of.files[0] for of in installed.values())
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return Finding("benchmarks", "missing", f"set {FOLDER_VARIABLE} to a folder with {wanted}")
    names = [path.name for of in installed.values() if (path := of.known())]
    if not names:
        return Finding("benchmarks", "missing", f"{folder} holds none of {wanted}")
    return Finding("benchmarks", "good", f"{', '.join(names)} in {folder}")


def print_findings(console: Console, findings: list[dict[str, Any]]) -> None:
    """Print findings as text."""
    marks = {"good": "[green]✓[/]", "missing": "[yellow]-[/]", "poor": "[red]![/]"}
    for finding in findings:
        console.say(f"{marks[finding['state']]} {finding['name']:<11} {escape(finding['detail'])}")
