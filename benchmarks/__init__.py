"""Benchmarks of the template and its projects, relative to alternatives."""
