"""Turns sources into distinct, parsed, clean documents.

Reads folders, JSON Lines, Parquet files or the Python environment itself. Writes ``documents`` (the kept documents),
``duplicates`` (pairs of a dropped and a kept document) and ``dropped`` (all dropped files, with reasons). The costly
step, parsing, happens once per distinct text, and decisions about the whole corpus need only a few numbers per document.
"""
