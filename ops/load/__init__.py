"""Benchmarks and load: what the figures of this project are measured with. Traffic goes to this machine only."""
