"""What models are examined on, and the one road from a completion to a verdict."""
