"""The start stage: import the model that training starts from, with its tokenizer.

Its one idea: an external model becomes an artefact like any other, identified by its content, so its folder may change or be
deleted.
"""
