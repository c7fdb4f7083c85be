"""The solution styles, one function for each.

A renderer takes a scene and a random generator. It returns the unindented statements of the body, or None if the
composition cannot be written in that style.
"""
