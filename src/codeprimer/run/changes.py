"""Reports which of an earlier run's artefacts a run will replace, and why, before any work is done.

Reads a run folder's links and the ids that the recipe leads to now. Key idea: the first step whose id differs is the
cause, and its manifest shows what differs; every later step differs because of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from codeprimer.core.artifact import Artifact, open_artifact
from codeprimer.run.folder import RunFolder
from codeprimer.run.schedule import Planned


def replaced(folder: RunFolder, planned: Sequence[Planned]) -> str | None:
    """Return a sentence about the steps whose links a run will remove; None if it removes none."""
    linked = {step: open_artifact(path) for step, path in folder.links().items()}
    changed = [item for item in planned if item.step.name in linked and linked[item.step.name].id != item.id]
    if not changed:
        return None
    first = changed[0]
    lost = list(_made_from(linked, {linked[item.step.name].id for item in changed}))
    later = [step for step in lost if step != first.step.name]
    if not later:
        return None
    return (
        f"{first.step.name} is not the artefact that {folder.path} links to ({_reason(first, linked[first.step.name])}), so "
        f"the links of {', '.join(later)} are removed until these steps run again; the old artefacts stay in "
        f"{folder.store.root} until `codeprimer clean --yes`"
    )


def _made_from(linked: dict[str, Artifact], ids: set[str]) -> Iterator[str]:
    """Yield the steps that have one of these ids or were made from one, in the order of the flow."""
    for step, artifact in linked.items():
        if artifact.id in ids or not ids.isdisjoint(artifact.manifest["inputs"].values()):
            ids = ids | {artifact.id}
            yield step


def _reason(item: Planned, old: Artifact) -> str:
    """Return what differs between a step and the artefact that was made for it."""
    stage, new = item.step.stage, item.ingredients
    before = {**old.manifest.get("ingredients", {}), "settings": old.manifest["settings"], "seed": old.manifest["seed"]}
    if old.manifest["version"] != stage.version:
        return f"codeprimer's stage {stage.name} is now version {stage.version}, not {old.manifest['version']}"
    if names := _differing(new["settings"], before["settings"]):
        return f"different settings: {', '.join(names)}"
    for name in ("seed", "tier"):
        if name in new and new[name] != before.get(name):
            return f"{name}: {new[name]}, not {before.get(name)}"
    plugins, plugins_before = new.get("plugins", {}), before.get("plugins", {})
    if names := _differing(plugins, plugins_before):
        parts = _differing(plugins.get(names[0], {}), plugins_before.get(names[0], {}))
        what = {"reads": "the files that it reads", "code": "its code", "version": "its version", "tools": "its tools"}
        return f"{stage.name}.{names[0]}: {', '.join(what[part] for part in parts)} changed"
    return f"{stage.outside} changed"


def _differing(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*new, *old} if new.get(name) != old.get(name))
