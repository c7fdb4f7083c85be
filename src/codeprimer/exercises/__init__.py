"""The exercises stage: a signature with a docstring, the body that completes it, and tests that can fail.

An exercise is kept only if its tests pass and its prompt differs from all kept before.
"""
