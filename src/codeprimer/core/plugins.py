"""Plug-ins: classes with their own settings, selected in a recipe by ``kind:`` and found as entry points.

The built-ins register like the plug-ins of any other package::

    [project.entry-points."codeprimer.sources"]
    gitlab = "my_package:GitlabSource"

A plug-in is instantiated with its settings, and with the tools that its constructor names as keyword-only arguments
(``def __init__(self, settings, *, teacher, console)``). The settings and tools that affect results go into
the ids of the artefacts made with the plug-in.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import traceback
from abc import ABC
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial, wraps
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import Field, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from codeprimer.core.errors import CodeprimerError, PluginError, RecipeError, nearest
from codeprimer.core.settings import Settings

ROLES: Mapping[str, str] = {
    "source": "provides documents",
    "filter": "decides which files the corpus drops",
    "annotator": "labels the sample that the scorer learns from",
    "embedder": "turns texts into vectors",
    "scorer": "learns from the labels and scores every document",
    "author": "writes sections and exercises",
    "benchmark": "reads tasks, builds prompts, truncates answers, builds programs",
    "grader": "turns answers into verdicts",
    "engine": "distributes work over processes",
}
"""The roles of plug-ins, and what a plug-in in each role does."""

_OWN = __name__.partition(".")[0]


class PluginSettings(Settings):
    """The base class of every plug-in's settings."""

    kind: str = Field(description="The plug-in's kind; `codeprimer plugins` lists all kinds.")


class Plugin(ABC):  # noqa: B024  # what is abstract depends on the role
    """The base class of every plug-in.

    An exception that leaves one of its public methods or properties is reported under the plug-in's name.
    """

    role: ClassVar[str] = ""
    """The plug-in's role; each role's base class sets it."""
    Settings: ClassVar[type[PluginSettings]] = PluginSettings
    version: ClassVar[int] = 1
    """Incremented whenever the same settings and inputs would give different results."""
    in_workers: ClassVar[bool] = False
    """True for plain computation without tools: each worker process creates its own plug-in from the settings. False for a
    plug-in that requests tools, keeps many requests in flight, or uses a GPU or a large model: it runs in the main process."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        for name, member in list(vars(cls).items()):
            if name.startswith("_"):
                continue
            if inspect.isfunction(member):
                setattr(cls, name, _reported(member))
            elif isinstance(member, property):
                setattr(cls, name, property(_reported(member.fget), doc=member.__doc__))
            elif isinstance(member, classmethod):
                setattr(cls, name, classmethod(_reported(member.__func__)))

    def digest(self) -> str:
        """Return a digest of everything outside the recipe that the plug-in reads, such as the content of files."""
        return ""


def _reported(method: Any) -> Callable[..., Any]:
    """Return a method whose exceptions name its plug-in, including exceptions from an iterator that it returns."""

    @wraps(method)
    def call(plugin: Plugin | type[Plugin], *arguments: Any, **named: Any) -> Any:
        owner, kind = (plugin, "") if isinstance(plugin, type) else (type(plugin), plugin.settings.kind)
        with reporting(kind, owner):
            result = method(plugin, *arguments, **named)
        return _relayed(kind, owner, result) if isinstance(result, Iterator) else result

    return call


def _relayed(kind: str, owner: type, elements: Iterator[Any]) -> Generator[Any, None, Any]:
    """Yield the elements of an iterator; its exceptions name the plug-in."""
    try:
        with reporting(kind, owner):
            return (yield from elements)
    finally:
        if isinstance(elements, Generator):
            elements.close()


@contextmanager
def reporting(kind: str, owner: type) -> Iterator[None]:
    """Turn an exception from a plug-in of class ``owner`` into a PluginError that names the plug-in and the line.

    Exceptions from built-in plug-ins pass through: they are bugs in codeprimer. ``kind`` may be empty if it is unknown.
    """
    try:
        yield
    except (CodeprimerError, GeneratorExit):
        raise
    except Exception as error:
        if _is_own(owner):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"plug-in {kind or owner.__qualname__!r} ({owner.__module__}) failed with {type(error).__name__}: {error} "
            f"({last.filename}:{last.lineno}, in {last.name}); fix the plug-in, or remove it from the recipe"
        ) from error


def _is_own(of: type) -> bool:
    return of.__module__.partition(".")[0] == _OWN


# --- registry ---------------------------------------------------------------------------------------------------------


def group_of(role: str) -> str:
    """Return the entry-point group of a role: ``codeprimer.sources``."""
    return f"{_OWN}.{role}s"


@cache
def _points(role: str) -> Mapping[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=group_of(role)), key=lambda point: point.name)}


def _refuse_twice(role: str, kind: str) -> None:
    """Raise PluginError if several packages provide a plug-in of one kind: which one is used would be a matter of chance."""
    packages = {
        point.dist.name if point.dist else _OWN for point in entry_points(group=group_of(role)) if point.name == kind
    }
    if len(packages) > 1:
        raise PluginError(
            f"{role} {kind!r} is provided by several packages: {', '.join(sorted(packages))}; uninstall all but one"
        )


def kinds(role: str) -> list[str]:
    """Return the kinds that are installed for a role, sorted."""
    return list(_points(role))


def package_of(role: str, kind: str) -> str:
    """Return the name and version of the package that provides a plug-in."""
    found = _points(role)[kind].dist
    return f"{found.name} {found.version}" if found else _OWN


@cache
def load(role: str, kind: str) -> type[Plugin]:
    """Return the class of a plug-in.

    Raises RecipeError if none of that kind is installed, PluginError if it cannot be imported or used in this role.
    """
    points = _points(role)
    if kind not in points:
        raise RecipeError(f"{role} {kind!r} is not installed; {nearest(kind, list(points))}")
    _refuse_twice(role, kind)
    where = f"{role} {kind!r} ({points[kind].value}, package {package_of(role, kind)})"
    try:
        found = points[kind].load()
    except Exception as error:
        raise PluginError(f"{where} cannot be imported: {type(error).__name__}: {error}; fix or remove it") from error
    if (
        not (isinstance(found, type) and issubclass(found, Plugin) and issubclass(found.Settings, PluginSettings))
        or found.role != role
    ):
        raise PluginError(f"{where} is not a class derived from codeprimer's {role.title()}; see docs/extending.md")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise PluginError(f"{where} does not define {missing}; see docs/extending.md")
    if found.in_workers and (tools := wanted(found)):
        raise PluginError(
            f"{where} requests {', '.join(tools)}, but runs in worker processes, which have no tools; remove these arguments "
            "of its constructor, or in_workers = True where the role allows it"
        )
    return found


# --- plug-ins in settings ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Role:
    """Marks a setting that selects a plug-in: ``Annotated[PluginSettings, Role("source")]``.

    A recipe gives a mapping with ``kind`` and the plug-in's own settings, or only the kind, as a string. The value is an
    instance of the plug-in's ``Settings``.
    """

    name: str
    default: str = ""
    """The kind for a mapping without ``kind``, such as the mapping that results from overriding a single setting."""
    fallback: Callable[[str], dict[str, Any]] | None = None
    """Turns a string that is not an installed kind into settings, such as a path into ``{"kind": "file", "path": ...}``."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema that validates a mapping against the settings of the plug-in that it names."""
        return core_schema.no_info_plain_validator_function(
            partial(self.parse, base=source),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.model_dump(mode="json")),
        )

    def parse(self, value: Any, base: type[PluginSettings] = PluginSettings) -> PluginSettings:
        """Return a plug-in's settings, derived from ``base``. Raises one of pydantic's errors if the value is invalid."""
        if isinstance(value, PluginSettings):
            return value
        if isinstance(value, str):
            value = self.fallback(value) if self.fallback and value not in kinds(self.name) else {"kind": value}
        if isinstance(value, dict) and self.default:
            value = {"kind": self.default, **value}
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise PydanticCustomError("plugin", f"kind is missing; known kinds: {', '.join(kinds(self.name))}")
        try:
            found = load(self.name, value["kind"])
        except CodeprimerError as error:
            raise PydanticCustomError("plugin", "{problem}", {"problem": str(error)}) from None
        if not issubclass(found.Settings, base):
            problem = f"{self.name} {value['kind']!r}: its Settings must derive from {base.__name__}; fix the plug-in"
            raise PydanticCustomError("plugin", "{problem}", {"problem": problem})
        try:
            content = orjson.dumps(value, default=_text_of_path)
        except TypeError as error:
            raise PydanticCustomError("plugin", "{problem}", {"problem": f"{self.name}: {error}; correct it"}) from None
        return found.Settings.model_validate_json(content)


def _text_of_path(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__} is not allowed")


def selected(role: str, kind: str, **settings: Any) -> Any:
    """Return the settings of a plug-in of this kind, with defaults for those not given.

    Raises RecipeError if no such plug-in is installed, or if a setting is invalid.
    """
    try:
        return Role(role).parse({"kind": kind, **settings})
    except PydanticCustomError as error:
        raise RecipeError(error.message()) from None
    except ValidationError as error:
        raise RecipeError(setting_error(role, kind, error)) from None


def setting_error(role: str, kind: str, error: ValidationError) -> str:
    """Return the first error in a plug-in's settings as one sentence that starts with the setting's name."""
    found = error.errors(include_url=False)[0]
    key = ".".join(map(str, found["loc"]))
    of = f"{role} {kind!r}, package {package_of(role, kind)}"
    if found["type"] == "extra_forbidden":
        return f"{key}: unknown setting of {of}; {nearest(key, sorted(load(role, kind).Settings.model_fields))}"
    if found["type"] == "missing":
        return f"{key}: missing setting of {of}"
    return f"{key}: {found['msg'][:1].lower()}{found['msg'][1:]}, got {found['input']!r} (a setting of {of})"


# --- making -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tool:
    """A tool that a plug-in can request; it is created on demand."""

    make: Callable[[], Any]
    identity: Callable[[], Any] = lambda: None
    """Return the part of the tool that affects results, as JSON values; None if nothing does."""


Toolbox = Mapping[str, Tool]
"""Tools by the name of the constructor argument that requests them."""


def wanted(plugin: type[Plugin]) -> tuple[str, ...]:
    """Return the names of the tools that a plug-in requests: its constructor's keyword-only arguments without a default."""
    parameters = inspect.signature(plugin.__init__).parameters.values()
    return tuple(
        parameter.name
        for parameter in parameters
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty
    )


def _offered(toolbox: Toolbox | None) -> Toolbox:
    """Return the tools, and the toolbox itself as a tool, for plug-ins that make other plug-ins."""
    given = toolbox or {}
    return {**given, "toolbox": Tool(lambda: given)}


def make(role: str, settings: PluginSettings, toolbox: Toolbox | None = None) -> Any:
    """Return an instance of the plug-in that settings select, with the tools that it requests.

    Raises PluginError if it requests a tool that is not available here.
    """
    offered = _offered(toolbox)
    found = load(role, settings.kind)
    for name in wanted(found):
        if name not in offered:
            raise PluginError(
                f"{role} {settings.kind!r} (package {package_of(role, settings.kind)}) requests the tool {name!r}, which "
                f"is not available here; available: {', '.join(toolbox or {}) or 'none'}"
            )
    with reporting(settings.kind, found):
        return found(settings, **{name: offered[name].make() for name in wanted(found)})


def identity(role: str, settings: PluginSettings, toolbox: Toolbox) -> dict[str, Any]:
    """Return what affects a plug-in's results in addition to its settings: its code, its tools, and what it reads."""
    found, offered = load(role, settings.kind), _offered(toolbox)
    facts = {
        "version": found.version,
        "code": "" if _is_own(found) else code_digest(found.__module__),
        "reads": make(role, settings, toolbox).digest(),
        "tools": {name: what for name in wanted(found) if (what := offered[name].identity()) is not None},
    }
    return {name: fact for name, fact in facts.items() if fact}


_CODE = frozenset({".py", ".jinja", ".css"})


@cache
def code_digest(module: str) -> str:
    """Return a digest of the Python files and templates in the package that a module belongs to."""
    top = sys.modules[module.partition(".")[0]]
    folders = [Path(folder) for folder in getattr(top, "__path__", ())]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.suffix in _CODE] or [
        Path(str(top.__file__))
    ]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def plugins_in(settings: Settings, key: str = "") -> Iterator[tuple[str, str, PluginSettings]]:
    """Yield the key, the role and the settings of every plug-in that settings select, at any depth, in order."""
    for name, field in type(settings).model_fields.items():
        yield from _plugins_at(getattr(settings, name), f"{key}.{name}" if key else name, role_in(field))


def _plugins_at(value: Any, key: str, role: str | None) -> Iterator[tuple[str, str, PluginSettings]]:
    if isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from _plugins_at(item, f"{key}.{index}", role)
    elif isinstance(value, Settings):
        if role is not None and isinstance(value, PluginSettings):
            yield key, role, value
        yield from plugins_in(value, key)


def role_in(field: FieldInfo) -> str | None:
    """Return the role of the plug-ins that a setting selects, or None if it selects none."""
    own = next((mark.name for mark in field.metadata if isinstance(mark, Role)), None)
    return own or _listed_role(field.annotation)


def _listed_role(annotation: Any) -> str | None:
    """Return the role inside an annotation such as ``tuple[Annotated[PluginSettings, Role("source")], ...]``."""
    for inner in getattr(annotation, "__args__", ()):
        for mark in getattr(inner, "__metadata__", ()):
            if isinstance(mark, Role):
                return mark.name
        if (found := _listed_role(inner)) is not None:
            return found
    return None
