"""From sources to distinct, parsed, clean documents.

Reads folders, JSON Lines, Parquet files or the Python environment itself; writes ``documents`` (what is kept),
``duplicates`` (pairs of a dropped and a kept document) and ``dropped`` (everything else, with a reason). The costly step,
parsing, happens once per distinct text, and every decision that needs the whole corpus needs only a few numbers per
document.
"""
