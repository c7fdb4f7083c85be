"""The tools that are passed to stages and plug-ins."""

from __future__ import annotations

from functools import partial

from codeprimer.core.console import Console
from codeprimer.core.plugins import PluginSettings, Tool, Toolbox, make
from codeprimer.core.stage import Tools
from codeprimer.run.folder import RunFolder
from codeprimer.run.recipe import Recipe
from codeprimer.sandbox import Sandbox, Tier
from codeprimer.teachers import Access, TeacherSettings

TEACHERS = "teachers"
"""The folder in the store with the journal of all teachers."""

SECOND = "second_teacher"


def make_tools(recipe: Recipe, folder: RunFolder, tier: Tier, console: Console, processes: int = 0) -> Tools:
    """Return the tools of every stage; programs run in a sandbox of ``tier``.

    If ``processes`` is not 0, it replaces the engine's setting with that name, if the engine has one.
    """
    toolbox = toolbox_of(recipe, folder, tier, console)
    engine = make("engine", _with_processes(recipe.engine, processes, console), toolbox)
    return Tools(engine, console, recipe.seed, toolbox, tier.name)


def toolbox_of(recipe: Recipe, folder: RunFolder, tier: Tier, console: Console) -> Toolbox:
    """Return the tools that plug-ins can request, by argument name."""

    def teacher(settings: TeacherSettings | None, section: str) -> Tool:
        return Tool(lambda: access(settings, folder, section), lambda: settings and settings.identity())

    return {
        "teacher": teacher(recipe.teacher, "teacher"),
        SECOND: teacher(recipe.second_teacher, SECOND),
        "sandbox": Tool(lambda: partial(Sandbox, tier=tier), lambda: tier.name),
        "seed": Tool(lambda: recipe.seed, lambda: recipe.seed),
        "console": Tool(lambda: console),
    }


def access(settings: TeacherSettings | None, folder: RunFolder, section: str) -> Access | None:
    """Return access to a teacher, or None if there is none; each teacher has its own account and therefore its own caps."""
    if settings is None:
        return None
    account = folder.path.name if section != SECOND else f"{folder.path.name}/{SECOND}"
    return Access(settings, folder.store.root / TEACHERS, account, section)


def _with_processes(engine: PluginSettings, processes: int, console: Console) -> PluginSettings:
    if not processes:
        return engine
    if "processes" not in type(engine).model_fields:
        console.warn(f"--processes {processes} is ignored: engine {engine.kind!r} has no such setting")
        return engine
    return engine.model_copy(update={"processes": processes})
