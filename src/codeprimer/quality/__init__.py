"""From clean documents to those worth learning from.

Reads the corpus; writes ``labels`` (a sample that was judged), ``scores`` (all documents), ``kept`` and ``dropped``,
and the scorer itself. Its one idea: judge a sample with care, teach a cheap scorer to judge the rest, and say how
well it does on packages it has not seen. With the default annotator the judgement comes from rules, not from people.
"""
