"""The exercises stage. An exercise is a signature with a docstring, a body that completes it, and tests.

An exercise is kept only if its tests pass and its prompt differs from those of all exercises kept before.
"""
