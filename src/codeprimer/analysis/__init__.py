"""Analysis of code and text, for every stage: words, n-grams, syntax trees, MinHash signatures, statistics."""
