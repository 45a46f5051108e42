"""Samples between the door and the fold: columns, their bytes, their order."""
