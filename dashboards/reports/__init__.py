"""Printed reports: from what `board.*` views answered to one document, and from that to HTML, PDF and a spreadsheet.

Invariants: a report shows what was asked for once (answers.py) and nothing else, so the same answers give the same
pages in every language; its number follows from the answers; queries are those of the boards wherever a board has
them, so board and report cannot disagree; what is undefined is a dash with the reason beside it, never 0.
"""
