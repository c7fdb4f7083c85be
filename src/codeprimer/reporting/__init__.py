"""Blocks, charts and formatted figures, from which each stage builds its chapter of the report."""
