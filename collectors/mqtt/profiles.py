"""What publishers are known to send, as data: profile name -> signal name -> its default address.

The address of a signal in profile "json" is the name that the payload uses for it. A profile's defaults are merged
into the machines of a plant file by `collectors.profiles.expand`.
"""

from __future__ import annotations

JSON = "json"
"""Stanok's own shape; see README.md."""
MTCONNECT = "mtconnect-entity"
"""One topic a data item, as MTConnect agents publish observations."""
UMH = "umh"
"""One topic a tag below `umh/v1/<location>/_<contract>`, or several tags in a `_historian` message."""

DEFAULT_SIGNALS: dict[str, dict[str, object]] = {
    JSON: {
        name: {"name": name}
        for name in (
            "conn.online",
            "ctrl.execution",
            "ctrl.mode",
            "ctrl.estop",
            "ctrl.feed_hold",
            "ctrl.wait_for",
            "prog.name",
            "part.total",
            "part.scrap",
            "spindle.1.rotating",
            "spindle.1.speed",
            "spindle.1.load",
            "feed.1.rate",
            "feed.1.override",
            "tool.id",
            "power.active",
        )
    },
    # Ids and tags are chosen on site, so nothing can be known before; the plant file names them.
    MTCONNECT: {},
    UMH: {},
}
