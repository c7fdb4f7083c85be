"""The command line: every command is a few lines over the module that does the work.

Errors that the user can mend are one sentence on standard error and exit code 2; Ctrl-C is 130, and the next run
continues.
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.markup import escape
from rich.table import Table

import codeprimer
from codeprimer.core.console import Console, Mode, without_controls
from codeprimer.core.errors import CodeprimerError, Interrupted, UserError
from codeprimer.core.interrupts import Stop
from codeprimer.model.devices import DEVICES

if TYPE_CHECKING:
    from codeprimer.recipe import Recipe
    from codeprimer.run_folder import RunFolder

Dtype = Literal["float32", "bfloat16", "float16"]
Backend = Literal["auto", "codeprimer", "transformers", "endpoint"]

app = typer.Typer(
    name="codeprimer",
    help="Textbook-quality data for small code models: from raw code to a trained, examined model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

RecipeOrRun = Annotated[
    Path,
    typer.Argument(
        help="A recipe (YAML), or the folder of a run: its recipe, beside its own store.", metavar="RECIPE|RUN"
    ),
]
RunPath = Annotated[Path, typer.Argument(help="A run's folder, such as runs/tiny.", metavar="RUN")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="Override one setting: section.key=value.", metavar="KEY=VALUE")
]
DEFAULT_RUNS = Path("runs")
Runs = Annotated[Path, typer.Option("--runs", help="The folder of all runs and their store.")]
WeakSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-weak-sandbox",
        help="Run programs even where the system offers only a sandbox that stops mistakes but no attack (macOS).",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(codeprimer.__version__)
        raise typer.Exit


@app.command()
def run(  # noqa: PLR0913 - the options of a command are its arguments
    path: RecipeOrRun,
    until: Annotated[str | None, typer.Option(help="Stop after this step, such as quality or 20-quality.")] = None,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    processes: Annotated[int, typer.Option(min=0, help="Worker processes; 0: one per core.")] = 0,
    allow_weak_sandbox: WeakSandbox = False,
    json: Json = False,
) -> None:
    """Make everything that a recipe asks for; what is up to date is not made again."""
    from codeprimer import pipeline
    from codeprimer.changes import replaced
    from codeprimer.core.artifact import out_of_space, write_atomically
    from codeprimer.recipe_text import render_recipe
    from codeprimer.run_folder import RECIPE
    from codeprimer.training.launched import follow, is_follower, leading

    if is_follower():
        follow()
    console = _console(json)
    recipe, folder = _open(path, overrides, runs, console)
    steps = pipeline.steps_until(recipe, until)
    with folder.alone(), out_of_space(folder.path), leading():
        started = time.monotonic()
        tier = pipeline.settle_sandbox(folder, steps, allow_weak_sandbox)
        settled = pipeline.settle_machine(recipe, folder, steps)
        pipeline.check_precision(recipe, settled, steps, console)
        write_atomically(folder.path / RECIPE, render_recipe(recipe).encode())
        planned = pipeline.plan(pipeline.steps_until(settled, until, tier, folder), recipe.seed, folder.store, console)
        if (loss := replaced(folder, planned, recipe.seed)) is not None:
            console.warn(loss)
        pipeline.check_teachers(settled, planned)
        for step, built in pipeline.run(planned, folder, pipeline.make_tools(settled, console, processes)):
            _say_built(console, step.link, built.reused, built.seconds, built.headline)
            console.event("step_done", step=step.name, id=built.artifact.id, reused=built.reused, seconds=built.seconds)
        console.say(f"[dim]{time.monotonic() - started:.1f} s in all, run folder {folder.path}[/]")
    if until is None:
        _show_result(console, folder.path)


def _say_built(console: Console, link: str, reused: bool, seconds: float, headline: str) -> None:
    state = "[dim]up to date[/]" if reused else f"[green]{seconds:8.1f} s[/]"
    console.say(f"{link:<17} {state:>10}  {escape(headline)}")


def _show_result(console: Console, folder: Path) -> None:
    from codeprimer.report.facts import collect_facts, score_table
    from codeprimer.run_folder import open_run

    opened = open_run(folder)
    facts = collect_facts(opened.links())
    console.table(score_table(facts))
    report = opened.artifact("report").path / "report.html"
    console.say(f"report: {report}")
    console.event("finished", report=str(report), scores=facts["evaluation"]["scores"])


@app.command()
def status(
    path: RecipeOrRun,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    json: Json = False,
) -> None:
    """Tell, for every step, whether it is up to date, running, interrupted or still to do."""
    from codeprimer import pipeline

    console = _console(json)
    recipe, folder = _open(path, overrides, runs, console)
    planned = pipeline.plan(
        pipeline.flow(pipeline.with_machine(recipe, folder.machine()), pipeline.recorded_tier(folder)),
        recipe.seed,
        folder.store,
        console,
    )
    for item in planned:
        console.event("step", step=item.step.name, id=item.id, state=item.state)
    table = Table("step", "state", "artefact", box=None)
    for item in planned:
        color = {"up to date": "green", "running": "cyan", "interrupted": "yellow", "to do": "dim"}[item.state]
        table.add_row(item.step.link, f"[{color}]{item.state}[/]", f"{item.step.stage.name}-{item.id}")
    console.table(table)


@app.command()
def plan(  # noqa: PLR0913 - the options of a command are its arguments
    path: RecipeOrRun,
    machine: Annotated[
        str, typer.Option(help=f"here: a few real steps are taken; {', '.join(DEVICES)}: computed.")
    ] = "here",
    tflops: Annotated[
        float | None, typer.Option(min=0.001, help="Compute with so much, instead of measuring or a datasheet's peak.")
    ] = None,
    mfu: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1.0, help="The share of that which training reaches, else assumed; here it needs --tflops."
        ),
    ] = None,
    price: Annotated[float | None, typer.Option(min=0.0, help="Of this machine, or of one device [USD/h].")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Steps that are up to date too.")] = False,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
    json: Json = False,
) -> None:
    """Predict what the steps that are still to do will take: time, memory, disk and money."""
    from codeprimer.forecast import Order, forecast, show

    console = _console(False)  # with --json too: the one document is all that stands in standard output
    recipe, folder = _open(path, overrides, runs, console)
    found = forecast(recipe, folder, Order(machine, tflops, mfu, price, everything), console)
    if json:
        _print_json(found.facts())
    else:
        show(console, found)


@app.command()
def trace(
    run_path: RunPath,
    document: Annotated[
        str, typer.Argument(help="An id or its first characters (8 or more), or a path or its end.", metavar="DOCUMENT")
    ],
    json: Json = False,
) -> None:
    """Print one document's life through every table of a run."""
    from codeprimer.run_folder import open_run
    from codeprimer.trace import print_life, trace_document

    life = trace_document(open_run(run_path), document)
    if json:
        _print_json(life)
    else:
        print_life(_console(False), life)


@app.command()
def evaluate(  # noqa: PLR0913 - the options of a command are its arguments
    what: Annotated[
        str,
        typer.Argument(
            help="A run, the folder of a checkpoint (Hugging Face layout), a file of answers (JSON lines), or the address "
            "of a server (http://127.0.0.1:8000/v1).",
            metavar="RUN|CHECKPOINT|FILE|ADDRESS",
        ),
    ],
    on: Annotated[str, typer.Option(help="humaneval, mbpp (found through CODEPRIMER_BENCHMARKS), or a file.")],
    model: Annotated[
        str | None,
        typer.Option(help="Of a run: control, base or tuned, which is the default; at an address: its name there."),
    ] = None,
    backend: Annotated[
        Backend,
        typer.Option(
            help="Who answers; auto: an address is asked, a checkpoint of ours is ours, others transformers'."
        ),
    ] = "auto",
    shots: Annotated[int, typer.Option(help="Solved examples before each task of MBPP: 0 or 3.")] = 0,
    whole: Annotated[bool, typer.Option("--whole", help="All of MBPP instead of its test split.")] = False,
    samples: Annotated[int, typer.Option(min=1, help="Answers per problem; more than one need a temperature.")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="0: greedy.")] = 0.0,
    top_p: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Draw from the likeliest tokens of this share.")
    ] = 0.95,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="In tokens.")] = 512,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(help="The folder to write; default: beside what is evaluated, for an address evaluations/."),
    ] = None,
    chat: Annotated[
        bool, typer.Option("--chat", help="At an address: by conversation, where the server does not continue texts.")
    ] = False,
    api_key_env: Annotated[
        str | None, typer.Option(help="At an address: the environment variable that holds the key.")
    ] = None,
    in_flight: Annotated[int, typer.Option(min=1, max=4096, help="At an address: most requests at once.")] = 32,
    budget_tokens: Annotated[
        int | None, typer.Option(min=1, help="At an address: most that may be used, both ways [tokens].")
    ] = None,
    runs: Annotated[
        Path, typer.Option("--runs", help="At an address: the folder in whose store answers are kept.")
    ] = DEFAULT_RUNS,
    allow_weak_sandbox: WeakSandbox = False,
    json: Json = False,
) -> None:
    """Score a model, or given answers, on a benchmark: pass@k with intervals, verdicts by kind, samples kept."""
    from codeprimer.evaluate import Order, evaluate_benchmark, score_table
    from codeprimer.evaluation.answering import Asking
    from codeprimer.evaluation.endpoint import Reach

    console = _console(json)
    asking = Asking(samples, max_new_tokens, temperature, top_p, seed)
    reach = Reach(chat, api_key_env, in_flight, budget_tokens)
    order = Order(what, on, model, shots, whole, asking, output, allow_weak_sandbox, runs, backend, reach)
    facts = evaluate_benchmark(order, console)
    console.table(score_table(facts))
    console.say(f"samples: {facts['output']}")
    console.event("finished", **facts)


@app.command()
def complete(
    what: Annotated[
        Path, typer.Argument(help="A run, or the folder of a checkpoint of ours.", metavar="RUN|CHECKPOINT")
    ],
    prompt: Annotated[str, typer.Option(help="The start of a function; '-' reads standard input; \\n is a newline.")],
    model: Annotated[str | None, typer.Option(help="Of a run: control, base or tuned, which is the default.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="In tokens.")] = 160,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text while it is written.")] = False,
) -> None:
    """Let a trained model complete a function and print it."""
    from codeprimer.complete import complete_function

    text = sys.stdin.read() if prompt == "-" else prompt.replace("\\n", "\n")
    tell = partial(print, end="", flush=True) if stream else None
    completed = complete_function(what, model, text, max_new_tokens, tell)
    typer.echo("" if stream else completed.text)
    if completed.cut:
        _console(False).warn(completed.cut)


@app.command()
def report(run_path: RunPath, json: Json = False) -> None:
    """Print a run's scores and where its report lies, or what there is so far; with --json every fact of the report."""
    from codeprimer.recipe import load_recipe
    from codeprimer.report.facts import collect_facts, corpus_table, progress, score_table
    from codeprimer.run_folder import RECIPE, open_run

    folder = open_run(run_path)
    facts = collect_facts(folder.links(), load_recipe(folder.path / RECIPE).report.cost)
    if json:
        _print_json(facts)
        return
    console = _console(False)
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
        f"no report yet: `codeprimer run {run_path}` makes what is missing, `codeprimer report {run_path} --json` prints "
        "every fact so far"
    )


@app.command()
def export(
    run_path: RunPath,
    table: Annotated[str, typer.Argument(help="step/table, such as quality/kept or 20-quality/kept.")],
    jsonl: Annotated[Path, typer.Option("--jsonl", help="The file to write; '-' is standard output.")],
) -> None:
    """Write a table as JSON lines."""
    from codeprimer.export import export_jsonl
    from codeprimer.run_folder import open_run

    rows = export_jsonl(open_run(run_path), table, jsonl)
    if str(jsonl) != "-":
        _console(False).say(f"{rows:,} rows written to {jsonl}")


@app.command()
def export_model(
    run_path: RunPath,
    model: Annotated[str, typer.Argument(help="control, base or tuned.")],
    target: Annotated[Path, typer.Argument(help="The folder to make.")],
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Numbers of the weights.")] = "float32",
) -> None:
    """Write a model of a run for transformers, vLLM and others."""
    from codeprimer import model_files
    from codeprimer.run_folder import open_run

    line = model_files.export_model(open_run(run_path), model, target, dtype)
    _console(False).say(f"{target}: {line}")


@app.command()
def import_model(
    source: Annotated[Path, typer.Argument(help="The folder of a Phi checkpoint, of whichever layout.")],
    target: Annotated[Path, typer.Argument(help="The folder to make.")],
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Numbers of the weights.")] = "float32",
) -> None:
    """Read a Phi checkpoint (microsoft/phi-1 old or new, whole or in shards) into the layout of codeprimer."""
    from codeprimer import model_files

    line = model_files.import_model(source, target, dtype)
    _console(False).say(f"{target}: {line}")


@app.command()
def clean(
    runs: Runs = DEFAULT_RUNS,
    partials: Annotated[
        bool, typer.Option("--partials", help="Interrupted attempts too, with which the next run would continue.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Remove; without it the list is only shown.")] = False,
) -> None:
    """Remove artefacts that no run links to; with --partials also what interrupted runs would continue with."""
    from codeprimer import clean as cleaning

    console = _console(False)
    waiting = cleaning.attempts(runs)
    found = cleaning.unlinked(runs) + (waiting if partials else [])
    for path, size in found:
        console.say(f"{size / 2**20:8.1f} MiB  {path}")
    if yes:
        cleaning.remove(runs, found)
    done = (
        "removed" if yes else f"could be removed; `codeprimer clean{' --partials' if partials else ''} --yes` does it"
    )
    console.say(f"{len(found)} folders, {_mebibytes(found)} {done}")
    if waiting and not partials:
        console.say(f"interrupted attempts that stay: {len(waiting)}, {_mebibytes(waiting)}; --partials takes them too")


def _mebibytes(sized: list[tuple[Path, int]]) -> str:
    return f"{sum(size for _, size in sized) / 2**20:.1f} MiB"


@app.command()
def ask(
    recipe_file: Annotated[Path, typer.Argument(help="A recipe with a section teacher.", metavar="RECIPE")],
    question: Annotated[str, typer.Argument(help="What is asked; '-' reads standard input.")],
    sample: Annotated[int, typer.Option(min=0, help="Another number, another answer to the same question.")] = 0,
    overrides: Overrides = None,
    runs: Runs = DEFAULT_RUNS,
) -> None:
    """Ask a recipe's teacher one question; print the answer, what it cost and how long it took."""
    from codeprimer.ask import ask_once, teacher_settings

    text = sys.stdin.read() if question == "-" else question
    asked = ask_once(teacher_settings(recipe_file, overrides or []), text, sample, runs)
    typer.echo(without_controls(asked.text))
    typer.echo(without_controls(asked.about), err=True)


@app.command()
def doctor(
    teacher: Annotated[
        Path | None, typer.Option(help="A recipe: look at its teacher instead, with two small requests.")
    ] = None,
    json: Json = False,
) -> None:
    """Tell what this machine has and what is missing, or what is wrong with a recipe's teacher."""
    from codeprimer.doctor import examine, examine_teacher, print_findings

    findings = examine() if teacher is None else examine_teacher(teacher)
    if json:
        _print_json(findings)
    else:
        print_findings(_console(False), findings)
    if teacher is not None and any(finding["state"] == "poor" for finding in findings):
        raise typer.Exit(2)


@app.command()
def recipe(
    recipe_file: Annotated[
        Path | None, typer.Argument(help="A recipe; none: all defaults.", metavar="[RECIPE]")
    ] = None,
    overrides: Overrides = None,
    reference: Annotated[bool, typer.Option(help="Print the reference of all settings as Markdown.")] = False,
) -> None:
    """Print a recipe complete, with every default and what it means."""
    from codeprimer.recipe import load_recipe, parse_recipe
    from codeprimer.recipe_text import render_recipe, render_reference

    if reference:
        typer.echo(render_reference(), nl=False)
        return
    loaded = load_recipe(recipe_file, overrides or []) if recipe_file else parse_recipe({"name": "default"}, "defaults")
    typer.echo(render_recipe(loaded), nl=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A folder of Python code.")],
    output: Annotated[Path | None, typer.Option(help="The recipe to write; default: NAME.yaml here.")] = None,
) -> None:
    """Write a recipe for a folder of one's own code."""
    from codeprimer.init import write_recipe

    path = write_recipe(folder, output)
    _console(False).say(
        f"{path} written; `codeprimer run {path} --until quality` filters the folder, without --until it trains too"
    )


@app.command()
def version() -> None:
    """Print the version; so does --version."""
    typer.echo(codeprimer.__version__)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version


def _open(path: Path, overrides: list[str] | None, runs: Path, console: Console) -> tuple[Recipe, RunFolder]:
    """Return the recipe and the run folder that a path stands for; a run's folder stays where it is."""
    from codeprimer.pipeline import with_start
    from codeprimer.recipe import load_recipe
    from codeprimer.run_folder import RECIPE, RunFolder, open_run

    if path.is_dir():
        folder = open_run(path)
        if runs not in (DEFAULT_RUNS, folder.path.parent):
            console.warn(f"--runs {runs} has no meaning with a run's folder: {path} stays where it is")
        return with_start(load_recipe(folder.path / RECIPE, overrides or [])), folder
    recipe = with_start(load_recipe(path, overrides or []))
    return recipe, RunFolder(runs / recipe.name)


def _console(json: bool) -> Console:
    mode: Mode = "json" if json else "auto"
    return Console(mode)


def _print_json(value: object) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")


def main(stop: Stop) -> NoReturn:
    """Run the command line, which ``stop`` may end, and exit."""
    try:
        _main(stop)
    except SystemExit as end:
        from codeprimer.training.launched import is_launched

        if is_launched():
            # What torch leaves running among processes does not bear the end of the interpreter.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
        raise


def _main(stop: Stop) -> NoReturn:
    try:
        app()
    except Interrupted as error:
        stop.leave()
        _fail(error, error.exit_code)
    except CodeprimerError as error:
        _fail(error, error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): end quietly, without a second error at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        # What the operating system refuses (a folder that cannot be read, a full disk) is the user's to mend.
        _fail(UserError(f"{error.filename or 'the system'}: {error.strerror or error}"), 2)
    raise SystemExit(0)


def _fail(error: BaseException, exit_code: int) -> NoReturn:
    Console().err.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
    raise SystemExit(exit_code)
