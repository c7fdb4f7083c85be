"""From sources to distinct, parsed, clean documents.

Reads folders, JSON Lines, Parquet files or the Python environment itself; writes ``documents`` (what stayed),
``duplicates`` (which copy went for which) and ``dropped`` (everything else, with a reason). Its one idea: the costly
step, parsing, is done once per distinct text, and every decision that needs the whole corpus is made on a few numbers
per document.
"""
