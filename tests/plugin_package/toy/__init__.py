"""One plug-in for every role, each with its own setting."""
