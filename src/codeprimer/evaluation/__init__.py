"""How good are the models, and how sure is that?

Reads the exam, the kept held-out code, the tokenizer and the three models. Writes ``samples`` (every completion with its
verdict), ``scores`` (pass@1 with Wilson intervals) and ``bits_per_byte`` (per document). One idea: every model is asked
the same things under the same rules, so every comparison is a paired one and carries an interval; it is reported
whichever way it falls.
"""
