"""Words of the MTConnect standard -> words of the vocabulary, as data. Pure; collectors and simulators share it.

Invariants: a word that is not listed is not guessed here; UNAVAILABLE is no value, except where the signal asks for
nothing else. Source: MTConnect part 2 (controlled vocabularies of events); docs/en/signals.md lists the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

UNAVAILABLE = "UNAVAILABLE"
"""What an agent reports instead of a value that it does not have."""
UNCHANGED = "unchanged"
"""Our side of a word that says nothing of its signal: the last value stays."""

_MODES = ("AUTOMATIC", "SEMI_AUTOMATIC", "MANUAL", "MANUAL_DATA_INPUT", "EDIT")

WORDS: Mapping[str, Mapping[str, str]] = {
    "conn.online": {"AVAILABLE": "true", UNAVAILABLE: "false"},
    "ctrl.execution": {
        "READY": "ready",
        "ACTIVE": "active",
        "INTERRUPTED": "interrupted",
        "FEED_HOLD": "feed_hold",
        "OPTIONAL_STOP": "optional_stop",
        "PROGRAM_OPTIONAL_STOP": "optional_stop",
        "PROGRAM_STOPPED": "optional_stop",
        "PROGRAM_COMPLETED": "completed",
        "STOPPED": "stopped",
        "WAIT": "wait",
    },
    "ctrl.mode": {
        "AUTOMATIC": "automatic",
        "SEMI_AUTOMATIC": "automatic",
        "MANUAL": "manual",
        "MANUAL_DATA_INPUT": "mdi",
        "EDIT": "edit",
        "FEED_HOLD": UNCHANGED,  # a deprecated word of ControllerMode: the mode stays, the feed is held
    },
    "ctrl.feed_hold": {"FEED_HOLD": "true", **dict.fromkeys(_MODES, "false")},
    "ctrl.op_mode": {
        "PRODUCTION": "production",
        "SETUP": "setup",
        "TEARDOWN": "setup",
        "PROCESS_DEVELOPMENT": "setup",
        "MAINTENANCE": "maintenance",
    },
    "ctrl.estop": {"TRIGGERED": "true", "ARMED": "false"},
    "ctrl.wait_for": {
        "PART_LOAD": "load",
        "MATERIAL_LOAD": "load",
        "PART_UNLOAD": "unload",
        "MATERIAL_UNLOAD": "unload",
        "TOOL_LOAD": "tool",
        "TOOL_UNLOAD": "tool",
        "POWERING_UP": "other",
        "POWERING_DOWN": "other",
        "PAUSING": "other",
        "RESUMING": "other",
        "SECONDARY_PROCESS": "other",
    },
    "ctrl.door_open": {"OPEN": "true", "CLOSED": "false"},
}
"""Signal -> their word -> our word; switches to `true` and `false`."""

SWITCH: Mapping[str, str] = {"ON": "true", "OFF": "false"}
"""Words of every switch, besides its own."""


class Level(IntEnum):
    """Levels of a condition, and how severe they are."""

    NORMAL = 0
    WARNING = 1
    FAULT = 2
