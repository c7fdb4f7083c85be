"""The author that queries a language model."""
