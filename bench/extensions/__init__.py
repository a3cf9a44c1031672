"""Filters that the benchmark loads into Headgate."""
