"""Runs the command line in processes that are forked from one which has imported everything.

A process of ``python -m codeprimer`` spends seconds on imports (torch, SciPy, scikit-learn), and hundreds of tests start one.
A forked process has its own arguments, working folder, environment and output; only its imports are done.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from pathlib import Path
from typing import Any

IMPORTED = (
    "codeprimer.commands.app",
    "codeprimer.run.execute",
    "codeprimer.run.evaluate",
    "codeprimer.training.session",
    "codeprimer.model.generate",
    "pandas",
    "scipy.stats",
    "scipy.optimize",
    "sklearn.ensemble",
    "sklearn.decomposition",
    "sklearn.metrics",
    "tokenizers",
)
SECONDS = 300.0
"""Maximum duration of a command [s]."""

_processes: list[subprocess.Popen[bytes]] = []
"""Keeps the process that forks from being reported as forgotten."""


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``codeprimer`` with these arguments in ``folder`` and return what it printed."""
    command = ["codeprimer", *arguments]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        request = json.dumps({"arguments": command, "folder": str(folder), "environment": environment}).encode()
        server = _server()
        socket.send_fds(server, [len(request).to_bytes(4, "big") + request], [output.fileno(), errors.fileno()])
        pid = int.from_bytes(_receive(server, 4), "big")
        try:
            code = int.from_bytes(_receive(server, 4), "big", signed=True)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            _receive(server, 4)
            raise
        output.seek(0)
        errors.seek(0)
        printed, said = output.read().decode(), errors.read().decode()
    return subprocess.CompletedProcess(command, code, printed, said)


@cache
def _server() -> socket.socket:
    """Start the process that imports everything, once per test process; it ends with the test process."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, str(theirs.fileno())]
    _processes.append(subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL))
    theirs.close()
    ours.settimeout(SECONDS)
    return ours


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        if not (part := connection.recv(size - len(received))):
            raise ConnectionError("the process that starts commands has ended")
        received += part
    return received


def _serve(connection: socket.socket) -> None:
    """Fork one process per request; return in the forked process, with its request applied, or when the tests end."""
    while True:
        head, files, _, _ = socket.recv_fds(connection, 4, 2)
        if not head:
            sys.exit()
        request = json.loads(_receive(connection, int.from_bytes(head, "big")))
        pid = os.fork()
        if pid == 0:
            connection.close()
            _become(request, files)
            return
        for file in files:
            os.close(file)
        connection.sendall(pid.to_bytes(4, "big"))
        _, status = os.waitpid(pid, 0)
        connection.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(request: dict[str, Any], files: list[int]) -> None:
    for file, number in zip(files, (1, 2), strict=True):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[:] = request["arguments"]
    sys.path[0] = request["folder"]


def _main(channel: socket.socket) -> None:
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()
    _serve(channel)
    code: object = 0
    try:
        runpy.run_module("codeprimer", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    # As the interpreter ends, but without taking apart every imported module, which takes a second.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(bool(code)))


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
