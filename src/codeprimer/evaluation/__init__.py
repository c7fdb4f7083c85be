"""The evaluation stage: the three models take the exam and are measured on held-out code.

Reads the exam, the kept held-out code and the three models. Writes ``samples`` (every answer with its verdict), ``scores``
(pass@1 with Wilson intervals) and ``bits_per_byte`` (per document). Every model gets the same tasks under the same rules, so
every comparison is paired and has an interval. The result is reported whichever model is better.
"""
