"""The textbooks stage: prose interleaved with code, in curriculum order.

Reads the exam's compositions, to keep clear of them. Writes ``sections`` and ``rejected``. Its one idea: a section is
kept only if every one of its code blocks has been executed, in order, and printed what the text says it prints.
"""
