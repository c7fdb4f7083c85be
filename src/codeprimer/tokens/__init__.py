"""Tokens: the exam and the clean training texts come in; a tokenizer and packed token files go out.

One idea: the tokenizer is trained on what the model is trained on, and a problem that does not fit the context is an
error here, before anything is trained.
"""
