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
    from codeprimer.benchmarks.answering import Asking
    from codeprimer.benchmarks.endpoint import Reach
    from codeprimer.run.evaluate import Order, evaluate_benchmark, score_table

    console = console_for(json)
    asking = Asking(samples, max_new_tokens, temperature, top_p, seed)
    reach = Reach(chat, api_key_env, in_flight, budget_tokens)
    order = Order(what, on, model, shots, whole, asking, output, allow_weak_sandbox, runs, backend, reach)
    facts = evaluate_benchmark(order, console)
    console.table(score_table(facts))
    console.say(f"samples: {facts['output']}")
    console.event("finished", **facts)
