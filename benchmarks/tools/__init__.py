"""Code that the benchmarks share; none of these modules is itself a benchmark."""
