"""What runs inside the jail: the zygote, the judges, the candidates, and the walls around them.

Imports the standard library only, and nothing of codeprimer outside this folder: it is loaded by its path, in a bare
interpreter. ``zygote`` is the way in.
"""
