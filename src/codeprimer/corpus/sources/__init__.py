"""Where documents come from: one class per kind; ``base.py`` has the contract."""
