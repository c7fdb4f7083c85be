"""The schema of recipes: one section for each stage, and the settings that all stages share.

The sections are the stages' own settings, in the order of ``stages.STAGES``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, create_model

from codeprimer.core.plugins import PluginSettings, Role, selected
from codeprimer.core.settings import Settings
from codeprimer.run.stages import STAGES
from codeprimer.teachers.settings import TeacherSettings

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
NAME_CHARACTERS = 80
RESERVED_NAMES = ("store",)

SectionType = TypeVar("SectionType", bound=Settings)


class _Shared(Settings):
    """The settings of a whole run."""

    name: str = Field(
        pattern=NAME_PATTERN, max_length=NAME_CHARACTERS, description="The run folder's name, below --runs."
    )
    seed: int = Field(default=1, ge=0, le=2**31, description="The seed of all randomness; the exam has its own.")
    engine: Annotated[PluginSettings, Role("engine", "local")] = Field(
        default_factory=partial(selected, "engine", "local"), description="Distributes work over processes."
    )
    teacher: TeacherSettings | None = Field(
        default=None, description="A language model that annotates and writes; null: everything is written offline."
    )
    second_teacher: TeacherSettings | None = Field(
        default=None,
        description="A second language model that is asked the same questions (for texts, only the first ones), to "
        "measure the benefit of a better model; null: no comparison.",
    )

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def section(self, name: str) -> Any:
        """Return a stage's settings; None if the recipe leaves the stage out."""
        return getattr(self, name)

    def of(self, kind: type[SectionType]) -> SectionType:
        """Return the section whose settings are of this class."""
        return next(value for _, value in self if isinstance(value, kind))


def _field(stage: Any) -> Any:
    about = (stage.Settings.__doc__ or "").partition("\n")[0]
    if stage.default:
        return stage.Settings, stage.Settings()
    return stage.Settings | None, Field(default=None, description=about)


if TYPE_CHECKING:
    Recipe = _Shared
else:
    Recipe = create_model(
        "Recipe", __base__=_Shared, __doc__=_Shared.__doc__, **{stage.name: _field(stage) for stage in STAGES}
    )
