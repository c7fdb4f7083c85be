"""Model backends, which answer questions: checkpoints, servers and files."""
