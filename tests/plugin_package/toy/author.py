"""An author that writes about sums only."""

from collections.abc import Iterable, Iterator

from pydantic import Field

from codeprimer.api import Author, Blueprint, Exercise, HeldOut, PluginSettings, Section, SectionBlueprint

SECTION = """# {title}

{opening} Adding two numbers gives their sum. The function below adds {number} to whatever it is given.

```python
def add_{number}(x: int) -> int:
    return x + {number}


print(add_{number}(1))  # {result}
```

Try it with other numbers: what does it give for 0, and for a negative number?
"""


class SumsSettings(PluginSettings):
    """How the author writes."""

    opening: str = Field(default="Let us add.", description="The sentence that opens every section.")


class SumsAuthor(Author):
    """Writes functions that add a number; the blueprint's seed determines the number."""

    Settings = SumsSettings
    in_workers = True

    def exercises(self, blueprints: Iterable[Blueprint]) -> Iterator[Exercise]:
        """Yield one exercise per blueprint; equal blueprints must give equal exercises."""
        for blueprint in blueprints:
            n = blueprint.seed % 100_000
            prompt = f'def add_{n}(x: int) -> int:\n    """Add {n} to x."""\n'
            tests = tuple(f"assert add_{n}({x}) == {x + n}" for x in (0, 1, -1, 10, 99))
            solution = f"    return x + {n}\n"
            yield Exercise(blueprint.key, ("integers",), "steps", f"add_{n}", prompt, solution, tests, (), ())

    def sections(self, blueprints: Iterable[SectionBlueprint], held_out: HeldOut) -> Iterator[Section]:
        """Yield one section per blueprint; its code is executed, and the printed output is compared with the comment."""
        for blueprint in blueprints:
            n = blueprint.seed % 100_000
            text = SECTION.format(title=blueprint.concept, opening=self.settings.opening, number=n, result=n + 1)
            yield Section(blueprint.concept, blueprint.audience, "", (blueprint.concept,), text)
