"""One module a board; each has `build(language)` and the same board in every language."""

BOARDS = ("shop_floor", "machine", "shift", "stops", "spindle", "plant", "programmes", "health")
"""In the order in which a reader goes through them."""
