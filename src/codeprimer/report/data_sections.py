"""The chapters about data: what went in, what was dropped and why, and what was removed as too close to a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from codeprimer.report import blocks, charts
from codeprimer.report.annotation import annotation_blocks
from codeprimer.report.blocks import Block, Section, interleaved
from codeprimer.report.wording import megabytes, named_counts, number, percent

Facts = Mapping[str, Any]


def corpus_section(facts: Facts) -> Section:
    """What the sources held, and what became of every file."""
    corpus = facts["corpus"]
    rows = [
        (name, of["found"], of["kept"], megabytes(of["kept_bytes"]), sum(of["dropped"].values()))
        for name, of in corpus["sources"].items()
    ]
    heldout = corpus["heldout"]
    content: list[Block] = [
        blocks.text(
            f"{corpus['found']:,} files were found and {corpus['kept']:,} documents kept "
            f"({megabytes(corpus['kept_bytes'])} of {corpus['packages']:,} packages). Every other file lies in the table "
            "dropped, with its reason."
        ),
        blocks.table(("source", "files", "kept", "text kept", "dropped"), rows),
    ]
    if corpus["dropped"]:
        content += [
            blocks.heading("Why files were dropped"),
            blocks.chart(charts.bars(corpus["dropped"], "files", charts.DROPPED)),
            blocks.table(("reason", "for example", "detail"), _dropped_examples(corpus["examples_dropped"])),
        ]
    content.append(
        blocks.text(
            f"{heldout['documents']:,} documents of {len(heldout['packages'])} whole packages are never trained on: bits "
            f"per byte are measured on what quality keeps of them. Licences: {named_counts(corpus['licenses'])}."
        )
    )
    return Section("corpus", "Corpus", content)


def _dropped_examples(examples: Mapping[str, list[Mapping[str, Any]]]) -> list[tuple[str, str, str]]:
    return [(reason, listed[0]["path"], listed[0]["detail"] or "") for reason, listed in examples.items() if listed]


def quality_section(facts: Facts, most: int) -> Section:
    """How documents were judged, how well the scorer learnt it, and what that kept."""
    quality = facts["quality"]
    kept, dropped = quality["kept"], quality["dropped"]
    content: list[Block] = [
        blocks.text(
            f"{kept['documents']:,} documents ({megabytes(kept['bytes'])}) were kept and {dropped['documents']:,} "
            f"({megabytes(dropped['bytes'])}) dropped: the best {percent(quality['keep_fraction'])} of "
            f"{quality['keep_fraction_of']}, which puts the threshold at {quality['threshold']:.3f}."
        ),
        blocks.text(f"Where the labels come from: {quality['about_labels']}", soft=True),
        blocks.chart(charts.score_histogram(_bins(quality), quality["threshold"])),
    ]
    content += annotation_blocks(quality)
    content += _evidence(quality)
    content += [blocks.heading("Kept and dropped, side by side"), _side_by_side(quality["examples"], most)]
    complaints = quality["labels"]["complaints"]
    if complaints:
        content += [
            blocks.heading("What the annotator complained of"),
            blocks.chart(charts.bars(complaints, "documents of the sample", charts.DROPPED)),
        ]
    return Section("quality", "Quality", content)


def _bins(quality: Facts) -> list[dict[str, Any]]:
    listed = quality["score_histogram"]
    width = 1 / len(listed)
    return [
        {
            "low": of["from"],
            "high": of["from"] + width,
            "count": of["documents"],
            "kept": of["from"] + width / 2 >= quality["threshold"],
        }
        for of in listed
    ]


def _evidence(quality: Facts) -> list[Block]:
    test = quality["test"]
    if not test["documents"]:
        return [blocks.text("The sample was too small to set documents apart for a test of the scorer.")]
    at = test["at_threshold"]
    rows = [
        ("precision at the threshold", at["precision"], ""),
        ("recall at the threshold", at["recall"], ""),
        ("F1 at the threshold", at["f1"], ""),
        ("average precision", test["average_precision"], f"length alone: {_average_precision(test, 'length')}"),
        ("", None, f"documented share alone: {_average_precision(test, 'documented_share')}"),
        ("Brier score", test["brier"], f"always saying the base rate: {number(test['brier_of_base_rate'])}"),
        ("Spearman with the points", test["spearman_with_points"], ""),
    ]
    reliability = [
        {"predicted": of["mean_probability"], "observed": of["good_share"], "count": of["documents"]}
        for of in test["reliability"]
        if of["documents"]
    ]
    return [
        blocks.heading("How well the scorer learnt the labels"),
        blocks.text(
            f"Measured on {test['documents']:,} documents that it never saw, of {test['packages']:,} packages; "
            f"{_apart(quality['labels'])}. {quality['scorer']['features']}. {quality['scorer']['model'].capitalize()}."
        ),
        blocks.table(("measure", "value", "beside it"), rows),
        blocks.chart(charts.reliability(reliability)),
    ]


def _apart(labels: Facts) -> str:
    """Return how far the documents of the test are from those that the scorer learnt from."""
    if labels["split_by_package"]:
        return "no package is on both sides"
    return "the sample has too few packages to set whole ones apart, so texts of one package are on both sides"


def _average_precision(test: Facts, baseline: str) -> str:
    value = test["baselines"][baseline]["average_precision"]
    return "-" if value is None else number(value)


def _side_by_side(examples: Mapping[str, list[Mapping[str, Any]]], most: int) -> Block:
    sides: dict[str, list[Block]] = {"kept": [], "dropped": []}
    for kind, listed in sorted(examples.items(), key=lambda item: item[0]):
        side = kind.partition(":")[0]
        for example in listed[: max(1, most // 2)]:
            why = f"; {', '.join(example['why'])}" if example["why"] else ""
            caption = f"{kind} - {example['path']}, score {example['score']:.2f}{why}"
            sides[side].append(blocks.code(caption, example["excerpt"], side))
    return blocks.side_by_side(sides["kept"], sides["dropped"])


def contamination_section(facts: Facts, most: int) -> Section:
    """What was too close to a sealed problem."""
    found = facts["contamination"]
    rows = [
        (name, of["documents"], of["removed"], of["kept"], *(_hits(of, measure) for measure in _MEASURES))
        for name, of in found["training_sets"].items()
    ]
    headings = ("training set", "documents", "removed", "kept", "by 13-grams", "by syntax tree")
    tasks = [(of["task_set"], of["tasks"], of["without_words"], of["without_tree"]) for of in found["task_sets"]]
    content: list[Block] = [
        blocks.text(
            f"Every training text was compared with {found['tasks']:,} sealed problems: by runs of {found['gram_words']} "
            "words with the problem's prose, and by syntax tree, names masked, with its solution. What matched was removed."
        ),
        blocks.table(headings, rows),
        blocks.text(
            f"Prose shorter than {found['gram_words']} words is compared whole, from {found['shortest_prose']} words on; "
            f"functions of fewer than {found['min_nodes']} nodes match by chance and are not compared.",
            soft=True,
        ),
        blocks.table(("problems", "in all", "too short for words", "too small for trees"), tasks),
    ]
    pairs = _pairs([of["examples"] for of in found["training_sets"].values()])
    if pairs:
        content.append(blocks.heading("Some pairs"))
    for pair in pairs[:most]:
        left = blocks.code(f"training text {pair['doc_id'][:12]}", pair["document_excerpt"], "dropped")
        right = blocks.code(f"{pair['task_id']}, by {pair['measure']}", pair["task_excerpt"])
        content.append(blocks.side_by_side([left], [right]))
    return Section("contamination", "Contamination", content)


def _pairs(examples: Sequence[Sequence[Facts]]) -> list[Facts]:
    """Return the pairs of all training sets in turn; a document and a problem are shown together once."""
    distinct: dict[tuple[str, str], Facts] = {}
    for pair in interleaved(examples):
        distinct.setdefault((pair["doc_id"], pair["task_id"]), pair)
    return list(distinct.values())


_MEASURES = ("words-13gram", "syntax-tree")


def _hits(of: Facts, measure: str) -> int:
    return sum(hit["documents"] for hit in of["matches"].get(measure, {}).values())


def tokens_section(facts: Facts) -> Section:
    """The vocabulary, and how much of each set there is to train on."""
    tokens = facts["tokens"]
    rows = [
        (
            name,
            of["documents"],
            of["documents_left_out"],
            of["tokens"],
            of["bytes_per_token"],
            of["longer_than_context"],
        )
        for name, of in tokens["sets"].items()
    ]
    origin = "that of the model that training starts from" if tokens.get("taken") else "learnt from this run's own text"
    checked = sum(of["checked_against_tokenizers"] for of in tokens["sets"].values())
    headings = ("training set", "documents", "left out", "tokens", "bytes per token", "longer than the context")
    return Section(
        "tokens",
        "Tokens",
        [
            blocks.text(
                f"A byte-level BPE of {tokens['vocabulary']:,} tokens, {origin}. Every exam and "
                f"validation problem fits the context of {tokens['context']} tokens together with its answer. tiktoken "
                f"and tokenizers gave the same ids for all {checked:,} documents checked."
            ),
            blocks.table(headings, rows),
            blocks.code("An exercise, cut into tokens", "·".join(tokens["sample"])),
        ],
    )
