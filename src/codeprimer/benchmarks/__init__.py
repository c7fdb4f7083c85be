"""Benchmarks, model backends, graders, and the single path from a completion to a verdict."""
