"""The curriculum: concepts, typed operations, and the composition of programs from them.

A program is a chain of typed operations. Each operation has a wording, a rendering as code, and a meaning that is written
independently of the rendering, so the specification, the solution and the tests of a program are independent too.
"""
