"""Engines map a stage over units of work; every engine gives the same bytes."""
