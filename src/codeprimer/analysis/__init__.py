"""Looking at code and text: words, syntax trees, signatures of near duplicates, measures. Services for every stage."""
