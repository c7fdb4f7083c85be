"""The names stage: counts the names in the kept code."""
