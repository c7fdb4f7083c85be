"""A grader: the tests must pass, and the answer must not call itself."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from codeprimer.api import Answer, Benchmark, Grader, PluginSettings, Sandbox, SandboxFactory, Verdict, VerdictKind
