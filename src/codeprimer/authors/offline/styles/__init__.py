"""The styles in which a solution may be written, one function each.

Every renderer takes a scene and a random stream and returns the statements of the body, not indented, or None where
the composition cannot be written that way.
"""
