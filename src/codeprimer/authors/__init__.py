"""Who writes: authors take blueprints and give sections and exercises."""
