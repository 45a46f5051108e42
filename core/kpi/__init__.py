"""Ratios, formed last and from sums only."""
