"""One module a board; each has `build(language)` and the same board in every language."""
