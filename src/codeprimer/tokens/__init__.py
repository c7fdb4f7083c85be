"""Tokens: reads the exam and the clean training texts; writes a tokenizer and packed token files.

Key idea: the tokenizer is trained on the same kinds of text as the model, and a problem that does not fit in the context is
reported here, before any model is trained.
"""
