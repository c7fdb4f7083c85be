"""One plug-in of every role, each with a setting of its own."""
