"""The model: Phi in PyTorch, its loss, checkpoints in Hugging Face layout, generation and the tokenizer.

``config.py`` and ``tokenizer.py`` work without torch; the other modules import it.
"""
