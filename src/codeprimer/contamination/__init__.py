"""Decontamination: no training text repeats a problem of the exam, the validation set or a benchmark.

Reads the exam, the corpus, the kept code, the textbooks and the exercises. Writes ``matches`` (pairs of a document and a
problem, with excerpts) and the clean tables ``raw``, ``code``, ``textbooks``, ``exercises``. Two strict measures need no
threshold: the same 13 words in a row, and the same syntax tree up to renaming. A document that matches is removed.
"""
