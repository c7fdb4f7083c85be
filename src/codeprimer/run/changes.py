"""What a run will replace of an earlier one's, and why: said before any work is done.

Reads the links of a run folder and the ids that the recipe leads to now. Its one idea: the first step whose id differs
is the cause, and its manifest tells what differs; every later step differs because of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codeprimer.core.artifact import Artifact, open_artifact
from codeprimer.run.folder import RunFolder
from codeprimer.run.schedule import Planned


def replaced(folder: RunFolder, planned: Sequence[Planned], seed: int) -> str | None:
    """Return a sentence about the steps whose links a run takes away, or None where nothing later than a changed step
    is linked."""
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
        f"{first.step.name} is not what {folder.path} was made with ({_reason(first, linked[first.step.name], seed)}), so "
        f"the links of {', '.join(later)} are taken away until they are made anew; what they led to stays in "
        f"{folder.store.root} until `codeprimer clean --yes`"
    )


def _made_from(linked: dict[str, Artifact], ids: set[str]) -> Iterator[str]:
    """Yield the steps that have one of these ids or were made from one, in the order of the flow."""
    for step, artifact in linked.items():
        if artifact.id in ids or not ids.isdisjoint(artifact.manifest["inputs"].values()):
            ids = ids | {artifact.id}
            yield step


def _reason(item: Planned, old: Artifact, seed: int) -> str:
    """Return what differs between a step and the artefact that was made for it."""
    stage, settings = item.step.stage, item.step.settings.identity()
    before = old.manifest["settings"]
    names = sorted(name for name in {*settings, *before} if settings.get(name) != before.get(name))
    if old.manifest["version"] != stage.version:
        return f"codeprimer's stage {stage.name} has version {stage.version} now, not {old.manifest['version']}"
    if names:
        return f"other settings: {', '.join(names)}"
    if stage.seeded and old.manifest["seed"] != seed:
        return f"seed: {seed}, not {old.manifest['seed']}"
    return _SOURCES.get(stage.name, "it reads something else")


_SOURCES: dict[str, str] = {
    "exam": "the benchmark files differ; is CODEPRIMER_BENCHMARKS set as it was then?",
    "start": "the model's files differ",
    "corpus": "the files of its sources differ",
}
"""What a stage reads that lies outside the store."""
