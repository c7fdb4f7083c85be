"""Selects the documents that are worth learning from.

Reads the corpus; writes ``labels`` (a labelled sample), ``scores`` (all documents), ``kept``, ``dropped``, and the scorer.
A sample is labelled carefully, a cheap scorer learns from it and scores all other documents, and the scorer is tested on
packages that it has not seen. With the default annotator, the labels come from rules, not from people.
"""
