"""``codeprimer evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import DEFAULT_RUNS, Backend, Json, WeakSandbox, console_for


def evaluate(  # noqa: PLR0913 - the options of a command are its arguments
    what: Annotated[
        str,
        typer.Argument(
            help="A run, the folder of a checkpoint (Hugging Face layout), a file of answers (JSON lines), or the address "
            "of a server (http://127.0.0.1:8000/v1).",
            metavar="RUN|CHECKPOINT|FILE|ADDRESS",
        ),
    ],
    on: Annotated[
        str,
        typer.Option(
            help="The benchmark: a kind (humaneval, mbpp, ...; `codeprimer plugins` lists them), a file, or the exam of a run "
            "(runs/tiny/05-exam).",
            metavar="KIND|PATH",
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="With a run: control, base or tuned (default); with an address: the server's name of the model."
        ),
    ] = None,
    backend: Annotated[
        Backend,
        typer.Option(
            help="Model backend; auto: endpoint for addresses, codeprimer for its own checkpoints, else transformers."
        ),
    ] = "auto",
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            help="One setting of the benchmark, or of the grader as grader.KEY=VALUE.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    shots: Annotated[int | None, typer.Option(help="Short for -s shots=N: solved examples before each task.")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Short for -s whole=true: all tasks, not only the test split.")
    ] = False,
    grader: Annotated[str, typer.Option(help="The grader's kind; `codeprimer plugins` lists them.")] = "tests",
    samples: Annotated[int, typer.Option(min=1, help="Samples per task; more than one needs a temperature.")] = 1,
    temperature: Annotated[float, typer.Option(min=0.0, help="Sampling temperature; 0: greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling: cumulative probability.")] = 0.95,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Most tokens of an answer.")] = 512,
    seed: Annotated[int, typer.Option(help="Sampling seed.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(help="Output folder; default: beside what is evaluated, for an address in evaluations/."),
    ] = None,
    chat: Annotated[
        bool,
        typer.Option("--chat", help="With an address: use chat completions, for servers without text completions."),
    ] = False,
    api_key_env: Annotated[
        str | None, typer.Option(help="With an address: the environment variable with the API key.")
    ] = None,
    in_flight: Annotated[int, typer.Option(min=1, max=4096, help="With an address: most requests in flight.")] = 32,
    budget_tokens: Annotated[
        int | None, typer.Option(min=1, help="With an address: most tokens, prompts and answers together.")
    ] = None,
    runs: Annotated[
        Path, typer.Option("--runs", help="With an address: the folder whose store has the journal of answers.")
    ] = DEFAULT_RUNS,
    allow_weak_sandbox: WeakSandbox = False,
    json: Json = False,
) -> None:
    """Score a model, or given answers, on a benchmark: pass@k with intervals, verdicts by kind, and all samples."""
    from codeprimer.benchmarks.backends.backend import SamplingOptions
    from codeprimer.benchmarks.backends.endpoint import EndpointOptions
    from codeprimer.run.evaluate import EvaluationRequest, evaluate_benchmark, score_table

    console = console_for(json)
    request = EvaluationRequest(
        what=what,
        on=on,
        model=model,
        backend=backend,
        shots=shots,
        whole=whole,
        overrides=tuple(overrides or ()),
        grader=grader,
        sampling=SamplingOptions(samples, max_new_tokens, temperature, top_p, seed),
        endpoint=EndpointOptions(chat, api_key_env, in_flight, budget_tokens),
        output=output,
        runs=runs,
        allow_weak_sandbox=allow_weak_sandbox,
    )
    facts = evaluate_benchmark(request, console)
    console.table(score_table(facts))
    console.say(f"samples: {facts['output']}")
    console.event("finished", **facts)
