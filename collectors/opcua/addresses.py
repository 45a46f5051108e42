"""Addresses in an OPC UA server as plant files write them: parsed from text, refused before anything connects.

Imports no OPC UA: whoever only reads a plant file (the engine, `stanok check`) starts without its thousands of types.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

_NODE_ID = re.compile(r"nsu=(?P<uri>[^;]+);(?P<kind>[isgb])=(?P<id>.+)")
_NUMBERED = re.compile(r"ns=\d+;")
_STEP = re.compile(r"(?:nsu=(?P<uri>[^;]+);)?(?P<name>[^/]+)(?:/|$)")

Identifier = int | str | UUID | bytes
"""The four kinds of node ids of OPC 10000-3 8.2.3: numeric, string, GUID, opaque."""

_IDENTIFIERS: dict[str, Callable[[str], Identifier]] = {
    "i": int,
    "s": str,
    "g": UUID,
    "b": lambda text: b64decode(text, validate=True),
}


class Step(NamedTuple):
    """One element of a browse path; `uri` None: any namespace, `name` None: any name."""

    uri: str | None
    name: str | None


@dataclass(frozen=True)
class Place:
    """A node id (of a namespace URI), or a start and the steps from there."""

    steps: tuple[Step, ...] = ()
    node_uri: str | None = None
    identifier: Identifier | None = None


def parse_address(text: str) -> Place:
    """`nsu=<uri>;s=<id>` (or i, g, b) is a node id; otherwise names joined by `/`, each with an optional `nsu=<uri>;`.

    A name in angle brackets, such as `<Channel>`, stands for any name. Raises ValueError.
    """
    if found := _NODE_ID.fullmatch(text):
        return Place(node_uri=found["uri"], identifier=_IDENTIFIERS[found["kind"]](found["id"]))
    if _NUMBERED.match(text):
        raise ValueError(f"{text!r}: the number of a namespace changes; write nsu=<uri>; instead")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            break
        name = step["name"]
        steps.append(Step(step["uri"], None if name[0] == "<" and name[-1] == ">" else name))
        at = step.end()
    if not steps or at < len(text) or text.endswith("/"):
        raise ValueError(f"{text!r} is no browse path such as Monitoring/<Channel>/ChannelState, and no node id")
    return Place(tuple(steps))
