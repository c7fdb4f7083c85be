"""The report: reads every artefact of a run, writes one self-contained page and two cards; its idea: every figure comes
from ``facts.py``, which ``codeprimer report RUN --json`` prints too."""
