"""The styles of solutions, one function each.

A renderer takes a scene and a random generator. It returns the statements of the body, not indented, or None if the
composition cannot be written in its style.
"""
