"""The author that needs no network: typed operations become prose, code and tests."""
