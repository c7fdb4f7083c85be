"""Embedders: plug-ins that turn texts into vectors."""
