"""Ratios measured in one run, so that they mean something on any machine. `make bench`; docs/benchmarks.md explains."""
