"""The exercises stage: a signature and a docstring, the body that completes them, and tests that can fail.

Reads the exam's compositions, to keep clear of them. Writes ``exercises`` and ``rejected``. Its one idea: the author
may write what it likes; what is kept has been executed against its tests and is like nothing kept before.
"""
