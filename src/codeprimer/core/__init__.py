"""What every other layer stands on: documents, artefacts, stages, shards, seeds, plug-ins, errors, the console."""
