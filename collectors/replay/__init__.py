"""Recordings of what collectors store, to be played again."""
