"""Reads recipes: YAML and overrides are turned into a checked recipe.

Unknown keys, wrong types and out-of-range values are errors that name the file, the key and, if the key belongs to a
plug-in, the plug-in.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from codeprimer.core.errors import CodeprimerError, RecipeError, nearest
from codeprimer.core.plugins import load, package_of, role_in
from codeprimer.core.settings import Settings
from codeprimer.run.checks import findings
from codeprimer.run.recipe import RESERVED_NAMES, Recipe
from codeprimer.teachers.settings import Price


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply overrides of the form ``section.key=value``.

    Relative paths in the recipe are resolved against its folder. Raises RecipeError, naming the file and the
    key.
    """
    values = _read(path)
    for override in overrides:
        apply_override(values, override)
    if "name" not in values:
        values["name"] = path.stem.lower()
    return parse_recipe(values, str(path), path.parent)


def parse_recipe(values: dict[str, Any], origin: str, folder: Path = Path()) -> Recipe:
    """Return the recipe that plain values describe.

    ``origin`` names the source of the values in errors; relative paths are resolved against ``folder``.
    """
    try:
        recipe: Recipe = Recipe.model_validate_json(orjson.dumps(values))
    except ValidationError as error:
        found = error.errors()
        # A misspelt key is also a missing key; report the key that was given.
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        raise RecipeError(f"{origin}: {_sentence(first, values)}") from None
    except TypeError as error:
        raise RecipeError(f"{origin}: a value that JSON cannot represent: {error}") from None
    if recipe.name in RESERVED_NAMES:
        raise RecipeError(f"{origin}: name: {recipe.name!r} is the folder with all artefacts; choose another name")
    for finding in findings(recipe):
        raise RecipeError(f"{origin}: {finding}")
    absolute: Recipe = with_absolute_paths(recipe, folder, origin)
    return absolute


class _StrictLoader(yaml.SafeLoader):
    """Loads YAML; duplicate keys and invalid values are errors with a line number."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node; errors from the parser's own constructors get a line number."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{_short(node.value)} is not a valid {kind} ({error}); correct or quote it",
                node.start_mark,
            ) from None


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; `codeprimer init FOLDER` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as a recipe: {error}") from None
    try:
        values = yaml.load(text, _StrictLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError(f"{path}: line {line}: {error.problem}; the file must be YAML") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise RecipeError(f"{path}: its lists or mappings are nested too deeply; no setting needs that") from None
    if values is None or values == {}:
        raise RecipeError(
            f"{path}: the recipe is empty; `codeprimer init FOLDER` writes one, or add a line such as seed: 1"
        )
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: a recipe must be a mapping of sections, not a {type(values).__name__}")
    return values


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set one value in nested mappings: ``section.key=value``, with the value as YAML."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"-s {override}: an override has the form section.key=value")
    *parents, last = key.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise RecipeError(f"-s {override}: {parent!r} is a value, not a section")
    try:
        values[last] = yaml.load(text, _StrictLoader)
    except (yaml.YAMLError, RecursionError):
        raise RecipeError(f"-s {override}: the value is not YAML") from None


def with_absolute_paths(value: Any, folder: Path, key: str) -> Any:
    """Return settings whose paths are absolute, so that a run works from any folder."""
    if isinstance(value, Path):
        try:
            return (folder / value.expanduser()).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            # A null byte, an unknown user, or circular links.
            raise RecipeError(f"{key}: {_short(str(value))} is not a valid path ({_first_line(error)})") from None
    if isinstance(value, tuple | list):
        return type(value)(with_absolute_paths(item, folder, f"{key}.{index}") for index, item in enumerate(value))
    if isinstance(value, dict):
        return {name: with_absolute_paths(item, folder, f"{key}.{name}") for name, item in value.items()}
    if not isinstance(value, Settings):
        return value
    separator = ": " if isinstance(value, Recipe) else "."
    own = {name: getattr(value, name) for name in type(value).model_fields}
    found = {name: with_absolute_paths(of, folder, f"{key}{separator}{name}") for name, of in own.items()}
    changed = {name: of for name, of in found.items() if of is not own[name]}
    return value.model_copy(update=changed) if changed else value


def _sentence(error: ErrorDetails, values: Any) -> str:
    """Return pydantic's error as one sentence that starts with the key."""
    location = [part for part in error["loc"] if isinstance(part, str | int) and not _is_alternative(part)]
    key = ".".join(map(str, location)) or "the recipe"
    model, plugin = _model_at(location[:-1], values)
    match error["type"]:
        case "extra_forbidden":
            known = sorted(getattr(model, "model_fields", {}))
            return f"{key}: unknown key{f' of {plugin}' if plugin else ''}; {nearest(str(location[-1]), known)}"
        case "missing":
            return f"{key}: is missing{f'; {plugin} needs it' if plugin else ''}"
        case "plugin":
            return f"{key}.kind: {error['msg']}" if isinstance(error["input"], dict) else f"{key}: {error['msg']}"
        case "json_invalid":
            return f"{key}: {error['msg']}"
        case "value_error":
            message = error["msg"].removeprefix("Value error, ")
        case _:
            message = f"{_lower_first(error['msg'])}, got {_short(error['input'])}"
    return f"{key}: {message}{f' ({plugin})' if plugin else ''}"


def _is_alternative(part: str | int) -> bool:
    """Return whether a part of an error's location is not a key but a type that pydantic tried."""
    return isinstance(part, str) and (part == Price.__name__ or part.startswith(("literal[", "function-")))


def _model_at(location: Sequence[str | int], values: Any) -> tuple[Any, str]:
    """Return the settings class at a location in a recipe, and a clause that names its plug-in, if it belongs to one."""
    model: Any = Recipe
    plugin, role = "", None
    for part in location:
        values = _inside(values, part)
        if isinstance(part, str):
            field = getattr(model, "model_fields", {}).get(part)
            if field is None:
                return None, plugin
            model, role = _model_in(field.annotation), role_in(field)
        kind = values if isinstance(values, str) else _inside(values, "kind")
        if role is not None and isinstance(kind, str):
            try:
                model = load(role, kind).Settings
            except CodeprimerError:
                return None, plugin
            plugin = f"{role} {kind!r}, package {package_of(role, kind)}"
    return model, plugin


def _inside(values: Any, part: str | int) -> Any:
    try:
        return values[part]
    except (KeyError, IndexError, TypeError):
        return None


def _model_in(annotation: Any) -> Any:
    """Return the settings class inside an annotation such as ``tuple[SourceSettings, ...]``."""
    for inner in getattr(annotation, "__args__", ()):
        if hasattr(inner, "model_fields"):
            return inner
    return annotation


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
