"""The command line: one module per command. Errors that the user can correct are one sentence, with exit code 2.

Command modules import what they need when they are called, so that ``codeprimer --help`` responds at once. Ctrl-C leads to
exit code 130, and the next run resumes the work.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

import codeprimer
from codeprimer.commands import (
    ask,
    clean,
    complete,
    doctor,
    evaluate,
    export,
    export_model,
    import_model,
    init,
    plan,
    plugins,
    recipe,
    report,
    run,
    status,
    trace,
    version,
)
from codeprimer.core.console import Console
from codeprimer.core.errors import CodeprimerError, Interrupted, UserError
from codeprimer.core.interrupts import StopHandler

app = typer.Typer(
    name="codeprimer",
    help="Textbook-quality data for small code models: from raw code to a trained, examined model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _module in (
    run, status, plan, trace, evaluate, complete, report, export, export_model, import_model, clean, ask, doctor, recipe, init,
    plugins, version,
):  # fmt: skip
    _name = _module.__name__.rpartition(".")[2]
    app.command(_name.replace("_", "-"))(getattr(_module, _name))


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(codeprimer.__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    del version


def main(stop: StopHandler) -> NoReturn:
    """Run the command line and exit; ``stop`` may interrupt it."""
    try:
        _main(stop)
    except SystemExit as end:
        from codeprimer.training.launched import is_launched

        if is_launched():
            # Threads of torch's process group may crash while the interpreter shuts down.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))
        gc.freeze()  # otherwise the interpreter searches torch's modules for reference cycles at exit, for half a second
        raise


def _main(stop: StopHandler) -> NoReturn:
    try:
        app()
    except Interrupted as error:
        stop.exit_on_next()
        _fail(error, error.exit_code)
    except CodeprimerError as error:
        _fail(error, error.exit_code)
    except BrokenPipeError:
        # The reader closed the pipe (`| head`): exit quietly, without a second error at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        # The operating system refused (permissions, a full disk): the user can correct that.
        _fail(UserError(f"{error.filename or 'the system'}: {error.strerror or error}"), 2)
    raise SystemExit(0)


def _fail(error: BaseException, exit_code: int) -> NoReturn:
    Console().err.print(f"[red]error:[/] {escape(str(error))}", soft_wrap=True)
    raise SystemExit(exit_code)
