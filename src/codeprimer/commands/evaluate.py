"""``codeprimer evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from codeprimer.commands.shared import DEFAULT_RUNS, Backend, Json, WeakSandbox, console_for

What = Annotated[
    str,
    typer.Argument(
        help="A run, the folder of a checkpoint (Hugging Face layout), a file of answers (JSON lines), or the URL of a "
        "server (http://127.0.0.1:8000/v1).",
        metavar="RUN|CHECKPOINT|FILE|URL",
    ),
]
On = Annotated[
    str,
    typer.Option(
        help="The benchmark: a kind (humaneval, mbpp, ...; `codeprimer plugins` lists them), a file, or a run's exam "
        "(runs/tiny/05-exam).",
        metavar="KIND|PATH",
    ),
]
Model = Annotated[
    str | None,
    typer.Option(help="With a run: control, base or tuned (default); with a URL: the model's name on the server."),
]
BackendOption = Annotated[
    Backend,
    typer.Option(
        help="Model backend; auto: endpoint for URLs, codeprimer for its own checkpoints, otherwise transformers."
    ),
]
PluginSetting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", help="A benchmark setting, or a grader setting as grader.KEY=VALUE.", metavar="KEY=VALUE"
    ),
]
Shots = Annotated[int | None, typer.Option(help="Short for -s shots=N: solved examples before each task.")]
Whole = Annotated[bool, typer.Option("--whole", help="Short for -s whole=true: all tasks, not only the test split.")]
GraderOption = Annotated[str, typer.Option(help="The grader's kind; `codeprimer plugins` lists them.")]
Samples = Annotated[int, typer.Option(min=1, help="Samples per task; more than one requires --temperature.")]
Temperature = Annotated[float, typer.Option(min=0.0, help="Sampling temperature; 0: greedy.")]
TopP = Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling: cumulative probability.")]
MaxNewTokens = Annotated[int, typer.Option(min=1, help="Maximum length of an answer, in tokens.")]
Seed = Annotated[int, typer.Option(help="Sampling seed.")]
Output = Annotated[
    Path | None, typer.Option(help="Output folder; default: next to the model or file, or in evaluations/ for a URL.")
]
Chat = Annotated[
    bool, typer.Option("--chat", help="With a URL: use chat completions, for servers without text completions.")
]
ApiKeyEnv = Annotated[str | None, typer.Option(help="With a URL: the environment variable that contains the API key.")]
InFlight = Annotated[int, typer.Option(min=1, max=4096, help="With a URL: maximum number of requests in flight.")]
BudgetTokens = Annotated[
    int | None, typer.Option(min=1, help="With a URL: maximum number of tokens, in prompts and answers together.")
]
Runs = Annotated[
    Path, typer.Option("--runs", help="With a URL: the folder whose store contains the journal of answers.")
]


def evaluate(  # noqa: PLR0913 - the options of a command are its arguments
    what: What,
    on: On,
    model: Model = None,
    backend: BackendOption = "auto",
    overrides: PluginSetting = None,
    shots: Shots = None,
    whole: Whole = False,
    grader: GraderOption = "tests",
    samples: Samples = 1,
    temperature: Temperature = 0.0,
    top_p: TopP = 0.95,
    max_new_tokens: MaxNewTokens = 512,
    seed: Seed = 1,
    output: Output = None,
    chat: Chat = False,
    api_key_env: ApiKeyEnv = None,
    in_flight: InFlight = 32,
    budget_tokens: BudgetTokens = None,
    runs: Runs = DEFAULT_RUNS,
    allow_weak_sandbox: WeakSandbox = False,
    json: Json = False,
) -> None:
    """Score a model or a file of answers on a benchmark: pass@k with intervals, verdicts by kind, and all samples."""
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
