"""What is taught, and how programs are composed from it.

Reads nothing and writes nothing: a service for the exam, the textbooks and the exercises. Its one idea: a program is
a chain of typed operations, each with a wording, a rendering as code, and a meaning that was written independently of
the rendering; so specification, solution and tests of a composed program never come from one another.
"""
