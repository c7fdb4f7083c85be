"""The base of all other layers: documents, artefacts, stages, shards, seeds, plug-ins, errors, the console."""
