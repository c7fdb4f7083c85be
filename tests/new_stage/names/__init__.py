"""The names stage: which names the kept code uses."""
