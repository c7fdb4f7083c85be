"""The exam stage: held-out problems, sealed before anything is trained on.

Reads nothing but the curriculum and any benchmark files given. Writes ``exam``, ``validation`` and ``benchmarks``. Its
one idea: what is held out is the composition, so nothing that is composed later contains it, in whatever words or numbers.
"""
