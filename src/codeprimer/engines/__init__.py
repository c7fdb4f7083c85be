"""Engines map a function over units of work; every engine produces the same bytes."""
