"""Code that runs inside the jail: the zygote, the judges, the candidates, and the walls around them.

Imports only the standard library and its own modules, because a bare interpreter loads the package by path. The entry point is
``zygote.main``.
"""
