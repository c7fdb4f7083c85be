"""Analyses code and text for all stages: words, n-grams, syntax trees, MinHash signatures, statistics."""
