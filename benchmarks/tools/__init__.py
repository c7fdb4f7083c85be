"""What benchmarks share; none of these is a benchmark itself."""
