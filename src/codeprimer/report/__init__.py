"""The report stage: one self-contained page with every stage's chapter, the cards, and the underlying facts."""
