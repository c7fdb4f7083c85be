"""Model backends: what answers questions, be it a checkpoint, a server or a file."""
