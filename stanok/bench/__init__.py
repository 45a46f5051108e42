"""Benchmarks as commands: each prints its figure beside what it is compared with."""
