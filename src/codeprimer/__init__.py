"""Textbook-quality data for small code models: the recipe of "Textbooks Are All You Need" as software.

Imports between the layers point one way: ``core <- services <- stages <- assembly`` (see ``docs/architecture.md``).
"""

__version__ = "0.1.0"
