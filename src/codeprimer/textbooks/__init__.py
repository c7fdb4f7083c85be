"""The textbooks stage: sections of prose interleaved with code, in curriculum order.

A section is kept only if all of its code blocks, run in order, succeed and print the output that the text claims.
"""
