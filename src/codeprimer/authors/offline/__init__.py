"""The author that needs no network: it turns typed operations into prose, code and tests."""
