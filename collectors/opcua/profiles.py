"""Addresses and enumerations of known kinds of OPC UA machine, as data: profile -> signal -> address.

An address is written as in a plant file (README.md): a browse path from the machine's object, or a table with `path`
and its options. `words` maps the server's number to a canonical word of core/vocabulary.py.
"""

from __future__ import annotations

PLANT_URI = "http://stanok.example/plant"
"""Free mapping: the place for what the companion specifications have no node for."""

# OPC 40001-1 (Machinery) 1.04, MachineryItemState and MachineryOperationMode: numbers of their states.
_ITEM_STATE = {"0": "not_available", "1": "out_of_service", "2": "not_executing", "3": "executing"}
_OPERATION_MODE = {"0": "none", "1": "maintenance", "2": "setup", "3": "production"}
# OPC 40501-1 (Machine Tools) 1.02, ChannelState and ChannelMode.
_CHANNEL_STATE = {"0": "active", "1": "interrupted", "2": "ready"}
_CHANNEL_MODE = {
    "0": "automatic",
    "1": "mdi",
    "2": "manual",
    "3": "manual",
    "4": "handle",
    "5": "remote",
    "6": "reference",
    "7": "other",
}
# Free mapping: the numbers are the codes of `ctrl.wait_for`.
_WAIT_FOR = {
    "0": "nothing",
    "1": "load",
    "2": "unload",
    "3": "tool",
    "4": "material",
    "5": "operator",
    "6": "service",
    "7": "other",
}

_BLOCKS = "MachineryBuildingBlocks"
_CHANNEL = "CncInterface/CncChannelList/<Channel>"
_SPINDLE = "CncInterface/CncSpindleList/<Spindle>"

DEFAULT_SIGNALS: dict[str, dict[str, object]] = {
    "opc-40501-1": {
        "ctrl.item_state": {"path": f"{_BLOCKS}/MachineryItemState/CurrentState/Number", "words": _ITEM_STATE},
        "ctrl.op_mode": {"path": f"{_BLOCKS}/MachineryOperationMode/CurrentState/Number", "words": _OPERATION_MODE},
        "ctrl.execution": {"path": "Monitoring/<Channel>/ChannelState", "words": _CHANNEL_STATE},
        "ctrl.mode": {"path": "Monitoring/<Channel>/ChannelMode", "words": _CHANNEL_MODE},
        "ctrl.estop": f"Monitoring/MachineTool/nsu={PLANT_URI};EmergencyStop",
        "ctrl.feed_hold": {"path": f"{_CHANNEL}/FeedHold", "optional": True},
        "ctrl.wait_for": {
            "path": f"Monitoring/MachineTool/nsu={PLANT_URI};WaitingFor",
            "words": _WAIT_FOR,
            "optional": True,
        },
        "prog.name": "Production/ActiveProgram/Name",
        "part.total": "Production/Statistics/PartsProducedInLifetime",
        "part.scrap": f"Production/Statistics/nsu={PLANT_URI};PartsScrappedInLifetime",
        "spindle.1.rotating": "Monitoring/<Spindle>/IsRotating",
        "spindle.1.speed": {"path": f"{_SPINDLE}/ActSpeed", "optional": True},
        "spindle.1.load": {"path": f"{_SPINDLE}/ActLoad", "optional": True},
        "feed.1.rate": {"path": f"{_CHANNEL}/ActFeedrate", "optional": True},
        "feed.1.override": "Monitoring/<Channel>/FeedOverride",
        "tool.id": {"path": f"{_CHANNEL}/ToolId", "optional": True},
        "power.active": {
            "path": f"{_BLOCKS}/Monitoring/Consumption/Electricity/Main/AcActivePowerTotal",
            "optional": True,
        },
    }
}
"""`stanok` fills a machine's signals from its profile; what the plant file says itself wins."""
