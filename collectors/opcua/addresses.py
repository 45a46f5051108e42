"""Addresses in an OPC UA server: parsed from text, resolved to node ids by browsing. No connection of its own.

Invariants: a node is found by namespace URI or by name, never by a namespace's number, which may differ after a
restart; an address that fits several nodes resolves to none of them, because a wrong node is worse than none.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

BROWSE_AT_ONCE = 50
"""Nodes in one Browse request; small controllers limit a request to about this many."""

_NODE_ID = re.compile(r"nsu=(?P<uri>[^;]+);(?P<kind>[isgb])=(?P<id>.+)")
_NUMBERED = re.compile(r"ns=\d+;")
_STEP = re.compile(r"(?:nsu=(?P<uri>[^;]+);)?(?P<name>[^/]+)(?:/|$)")


_Identifier = ua.Int32 | ua.String | ua.Guid | ua.ByteString
_IDENTIFIERS: dict[str, Callable[[str], _Identifier]] = {
    "i": ua.Int32,
    "s": ua.String,
    "g": ua.Guid,
    "b": lambda text: ua.ByteString(b64decode(text, validate=True)),
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
    identifier: _Identifier | None = None


class Child(NamedTuple):
    """What browsing a node shows of one node below it."""

    node_id: ua.NodeId
    namespace: int
    name: str


Browse = Callable[[Sequence[ua.NodeId]], Awaitable[list[list[Child]]]]

MACHINES = Step(None, "Machines")
"""The folder below Objects in which OPC 40001-1 puts all machines."""


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


async def resolve(
    wanted: Iterable[tuple[Place, Place]], namespaces: Sequence[str], browse: Browse
) -> list[ua.NodeId | str]:
    """The node of each (machine, signal), or a few words why there is none. Nodes are browsed once each."""
    searches = [_search(machine, signal, namespaces) for machine, signal in wanted]
    seen: dict[ua.NodeId, list[Child]] = {}
    while ahead := [search for search in searches if search.steps and search.nodes]:
        unknown = list(dict.fromkeys(node for search in ahead for node in search.nodes if node not in seen))
        for first in range(0, len(unknown), BROWSE_AT_ONCE):
            chunk = unknown[first : first + BROWSE_AT_ONCE]
            seen.update(zip(chunk, await browse(chunk), strict=True))
        for search in ahead:
            search.advance(seen, namespaces)
    return [search.result() for search in searches]


@dataclass
class _Search:
    """The nodes reached so far, and the steps that remain."""

    nodes: list[ua.NodeId]
    steps: list[Step]
    failed: str = ""

    def advance(self, seen: Mapping[ua.NodeId, list[Child]], namespaces: Sequence[str]) -> None:
        step = self.steps.pop(0)
        below = (child for node in self.nodes for child in seen[node])
        self.nodes = list(dict.fromkeys(child.node_id for child in below if _fits(child, step, namespaces)))
        if not self.nodes:
            self.failed = f"no node {step.name or 'of any name'}"

    def result(self) -> ua.NodeId | str:
        if len(self.nodes) == 1 and not self.failed:
            return self.nodes[0]
        return self.failed or f"{len(self.nodes)} nodes fit; write the names out"


def _search(machine: Place, signal: Place, namespaces: Sequence[str]) -> _Search:
    root = signal if signal.node_uri else machine
    if root.node_uri is None or root.identifier is None:
        objects = ua.NodeId(ua.Int32(ObjectIds.ObjectsFolder))
        return _Search([objects], [MACHINES, *machine.steps, *signal.steps])
    if root.node_uri not in namespaces:
        return _Search([], [], f"the server has no namespace {root.node_uri}")
    node = ua.NodeId(root.identifier, ua.Int16(namespaces.index(root.node_uri)))
    return _Search([node], list(signal.steps))


def _fits(child: Child, step: Step, namespaces: Sequence[str]) -> bool:
    if step.name is not None and child.name != step.name:
        return False
    return step.uri is None or (child.namespace < len(namespaces) and namespaces[child.namespace] == step.uri)
