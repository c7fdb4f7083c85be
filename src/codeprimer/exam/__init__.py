"""The exam stage: held-out problems, sealed before any training.

Reads the curriculum and the given benchmarks. Writes ``exam``, ``validation`` and ``benchmarks``. Compositions of operations
are held out, so no training text contains a held-out composition, whatever its wording or numbers.
"""
