"""Clean training sets: nothing that is trained on repeats a problem of the exam, the validation set or a benchmark.

Reads the exam, the corpus, the kept code, the textbooks and the exercises. Writes ``matches`` (every pair that was
found, with excerpts) and the clean tables ``raw``, ``code``, ``textbooks``, ``exercises``. One idea: two strict
measures that need no threshold, the same 13 words in a row and the same syntax tree under other names; a document that
matches is removed, and the pair is shown.
"""
