"""Authors: they take blueprints and write textbook sections and exercises."""
