"""The start stage: import the model that training starts from, with its tokenizer.

Key idea: an external model becomes an artefact like any other, identified by its content, so its folder can later be changed or
deleted.
"""
