"""Decontamination: removes training texts that repeat a problem from the exam, the validation set or a benchmark.

Reads the exam, the corpus, the kept code, the textbooks and the exercises. Writes ``matches`` (pairs of a document and a
problem, with excerpts) and the clean tables ``raw``, ``code``, ``textbooks`` and ``exercises``. A document is removed if
it matches a problem by one of two strict measures: the same 13 words in a row, or the same syntax tree up to renaming.
"""
