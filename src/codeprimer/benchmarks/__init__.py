"""Benchmarks, model backends, graders, and the one road from a completion to a verdict."""
