"""Where documents come from: one class per kind; ``base.py`` defines the interface."""
