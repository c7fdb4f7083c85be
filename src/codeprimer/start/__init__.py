"""The start stage: somebody's model and its tokenizer come in, checked against each other; the model that training starts from.

One idea: a model from elsewhere becomes an artefact like any other, so what is made from it is found by its content, and
its folder may change or go.
"""
