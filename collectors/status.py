"""What a collector says about itself, for the terminal board and the checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SourceStatus:
    """One source now. Counts are samples since the process started.

    `connected`: the transport stands. `ready`: everything wanted is subscribed. `note`: one sentence for a person.
    `unmapped`: messages that came for a machine and that no signal of the plant file maps.
    """

    source: str
    connected: bool
    ready: bool
    received: int
    stored: int
    rejected: int
    note: str
    unmapped: int = 0
