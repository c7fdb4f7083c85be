"""From clean documents to those worth learning from.

Reads the corpus; writes ``labels`` (a labelled sample), ``scores`` (all documents), ``kept``, ``dropped``, and the scorer.
A sample is labelled with care, a cheap scorer learns from it and scores the rest, and the scorer is tested on packages that
it has not seen. With the default annotator the labels come from rules, not from people.
"""
