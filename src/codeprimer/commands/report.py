"""``codeprimer report``."""

from __future__ import annotations

from rich.markup import escape

from codeprimer.commands.shared import Json, RunPath, console_for, print_json


def report(run_path: RunPath, json: Json = False) -> None:
    """Print a run's scores and the path of its report; with --json, every figure of the report."""
    from codeprimer.report.facts import collect_facts, corpus_table, progress, score_table
    from codeprimer.run.folder import RECIPE, open_run
    from codeprimer.run.loading import load_recipe

    folder = open_run(run_path)
    facts = collect_facts(folder.links(), load_recipe(folder.path / RECIPE).report.cost)
    if json:
        print_json(facts)
        return
    console = console_for(False)
    if "evaluation" in facts:
        console.table(score_table(facts))
    if "report" in folder.links():
        console.say(f"report: {folder.links()['report'] / 'report.html'}")
        return
    if "corpus" in facts:
        console.table(corpus_table(facts))
    for sentence in progress(facts):
        console.say(escape(sentence))
    console.say(
        f"no report yet: `codeprimer run {run_path}` finishes the run; `codeprimer report {run_path} --json` prints the "
        "figures so far"
    )
