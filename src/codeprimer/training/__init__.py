"""Training: reads packed tokens (and a model to start from, if any); writes a checkpoint in Hugging Face layout.

Key idea: the tokens that a step reads are a pure function of the settings, the seed and the step, and everything else that
determines the next step is in the saved state, so a run that was killed and resumed produces the same bytes as one that was
not.
"""
