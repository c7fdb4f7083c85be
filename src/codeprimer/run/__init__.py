"""Puts everything together: recipes, the flow of steps, and how a run is planned and executed."""
