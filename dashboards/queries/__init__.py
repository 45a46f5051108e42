"""The SQL of the boards, a module a board, on `board.*` views only; each can be read and run without its panel.

Grafana's macros and `${site:sqlstring}` stand for literals (docs/en/boards.md). Invariants:
- Lists of choices are written as arrays, because an empty database has no sites and `IN ()` is no SQL.
- Ratios come from the views, or are divided last, from sums; a ratio is never averaged.
- Time is half-open. What lasts is cut to the window; hours, shifts and weeks are whole, those that the window touches,
  so that a longer window shows the same figure for each. "Now" is the engine's last tick, never the database's clock.
"""
