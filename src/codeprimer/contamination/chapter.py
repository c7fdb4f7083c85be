"""The report's chapter on contamination: which training texts were too similar to a sealed problem."""

from __future__ import annotations

from collections.abc import Sequence

from codeprimer.contamination.scanning import TREE, WORDS
from codeprimer.reporting import blocks
from codeprimer.reporting.blocks import Block, Chapter, interleaved
from codeprimer.reporting.facts import Facts


def contamination_chapter(facts: Facts, most: int) -> Chapter:
    """Return the chapter on training texts that matched a sealed problem."""
    found = facts["contamination"]
    rows = [
        (name, of["documents"], of["removed"], of["kept"], *(_hits(of, measure) for measure in (WORDS, TREE)))
        for name, of in found["training_sets"].items()
    ]
    headings = ("training set", "documents", "removed", "kept", "by 13-grams", "by syntax tree")
    tasks = [(of["task_set"], of["tasks"], of["without_words"], of["without_tree"]) for of in found["task_sets"]]
    content: list[Block] = [
        blocks.text(
            f"Every training text was compared with {found['tasks']:,} sealed problems: its word "
            f"{found['gram_words']}-grams with the problem's prose, and its syntax trees, with names masked, with the "
            "problem's solution. Matching texts were removed."
        ),
        blocks.table(headings, rows),
        blocks.text(
            f"Prose of {found['shortest_prose']} to {found['gram_words']} words is compared as a whole, and shorter prose "
            f"is not. Functions with fewer than {found['min_nodes']} nodes are not compared, because they can match by chance.",
            soft=True,
        ),
        blocks.table(("problems", "total", "too short for words", "too small for trees"), tasks),
    ]
    pairs = _pairs([of["examples"] for of in found["training_sets"].values()])
    if pairs:
        content.append(blocks.heading("Example pairs"))
    for pair in pairs[:most]:
        left = blocks.code(f"training text {pair['doc_id'][:12]}", pair["document_excerpt"], "dropped")
        right = blocks.code(f"{pair['task_id']}, by {pair['measure']}", pair["task_excerpt"])
        content.append(blocks.side_by_side([left], [right]))
    return Chapter("contamination", "Contamination", content)


def _pairs(examples: Sequence[Sequence[Facts]]) -> list[Facts]:
    """Return the distinct pairs of a document and a problem, alternating between the training sets."""
    distinct: dict[tuple[str, str], Facts] = {}
    for pair in interleaved(examples):
        distinct.setdefault((pair["doc_id"], pair["task_id"]), pair)
    return list(distinct.values())


def _hits(of: Facts, measure: str) -> int:
    return sum(hit["documents"] for hit in of["matches"].get(measure, {}).values())
