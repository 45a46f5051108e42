"""Addresses resolved to the node ids of a running server by browsing. No connection of its own.

Invariants: a node is found by namespace URI or by name, never by a namespace's number, which may differ after a
restart; an address that fits several nodes resolves to none of them, because a wrong node is worse than none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from collectors.opcua.addresses import Place, Step

BROWSE_AT_ONCE = 50
"""Nodes in one Browse request; small controllers limit a request to about this many."""


class Child(NamedTuple):
    """What browsing a node shows of one node below it."""

    node_id: ua.NodeId
    namespace: int
    name: str


Browse = Callable[[Sequence[ua.NodeId]], Awaitable[list[list[Child]]]]


MACHINES = Step(None, "Machines")
"""The folder below Objects in which OPC 40001-1 puts all machines."""


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
    identifier = cast("ua.Int32", root.identifier)  # asyncua names its own subclasses, and takes the plain kinds alike
    node = ua.NodeId(identifier, ua.Int16(namespaces.index(root.node_uri)))
    return _Search([node], list(signal.steps))


def _fits(child: Child, step: Step, namespaces: Sequence[str]) -> bool:
    if step.name is not None and child.name != step.name:
        return False
    return step.uri is None or (child.namespace < len(namespaces) and namespaces[child.namespace] == step.uri)
