"""Training: packed tokens (and a model to start from) come in; a checkpoint in Hugging Face layout goes out.

One idea: which tokens a step sees is a pure function of the settings, the seed and the step, and everything else that
decides the next step is in the saved state, so a run that was killed ends in the same bytes as one that was not.
"""
