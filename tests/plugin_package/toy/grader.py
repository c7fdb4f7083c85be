"""A grader: the tests must pass, and the answer must not call itself."""
