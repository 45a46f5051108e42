"""Plays machines over OPC UA: one real server hosts all machines of a source, shaped like OPC 40001-1 and 40501-1.

Invariants: a node shows Null until its signal has a value; every change is written with its event time as
SourceTimestamp, exact to the microsecond, and in order; the server listens on loopback only.
What the node table cannot express (a word without a number in the standards) is refused, never replaced.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

from core.errors import InputError, SourceError
from core.plant.model import Plant
from core.units import datetime_from_us
from simulators.outlet import ONLINE, Damage, Sample, Value

PLANT_URI = "http://stanok.example/plant"
_MACHINERY = "http://opcfoundation.org/UA/Machinery/"
_TOOLS = "http://opcfoundation.org/UA/MachineTool/"
_CNC = "http://opcfoundation.org/UA/CNC"
NAMESPACES = (_MACHINERY, _TOOLS, _CNC, PLANT_URI)
"""Their order is the order of the namespace array, as it happens to be after a start."""

_NO_COMMUNICATION = 0x80310000
"""BadNoCommunication: the server has no connection to its data source (OPC UA part 4, 7.39)."""

_YIELD_EVERY = 100
"""Writes between two turns of the event loop: about 2 ms."""


class _Leaf(NamedTuple):
    """A variable: its path below the machine (namespace of each element), type, and number of each word."""

    path: tuple[tuple[str, str], ...]
    kind: ua.VariantType
    words: Mapping[str, int] = {}


def _path(text: str, own: str = _TOOLS, leaf: str | None = None) -> tuple[tuple[str, str], ...]:
    """Elements of a path, all of namespace `own` but perhaps the last."""
    names = text.split("/")
    return (*((own, name) for name in names[:-1]), (leaf or own, names[-1]))


_INT, _FLOAT, _BOOL, _TEXT = ua.VariantType.Int32, ua.VariantType.Double, ua.VariantType.Boolean, ua.VariantType.String
_CHANNEL = "CncInterface/CncChannelList/Channel1"
_SPINDLE = "CncInterface/CncSpindleList/Spindle1"
_MAINS = "MachineryBuildingBlocks/Monitoring/Consumption/Electricity/Main"

_LEAVES: dict[str, _Leaf] = {
    "ctrl.item_state": _Leaf(
        _path("MachineryBuildingBlocks/MachineryItemState/CurrentState/Number", _MACHINERY),
        _INT,
        {"not_available": 0, "out_of_service": 1, "not_executing": 2, "executing": 3},
    ),
    "ctrl.op_mode": _Leaf(
        _path("MachineryBuildingBlocks/MachineryOperationMode/CurrentState/Number", _MACHINERY),
        _INT,
        {"none": 0, "maintenance": 1, "setup": 2, "production": 3},
    ),
    "ctrl.execution": _Leaf(
        _path("Monitoring/Channel1/ChannelState"), _INT, {"active": 0, "interrupted": 1, "ready": 2}
    ),
    "ctrl.mode": _Leaf(
        _path("Monitoring/Channel1/ChannelMode"),
        _INT,
        {"automatic": 0, "mdi": 1, "manual": 2, "handle": 4, "remote": 5, "reference": 6, "other": 7},
    ),
    "ctrl.estop": _Leaf(_path("Monitoring/MachineTool/EmergencyStop", leaf=PLANT_URI), _BOOL),
    "ctrl.feed_hold": _Leaf(_path(f"{_CHANNEL}/FeedHold", _CNC), _BOOL),
    "ctrl.wait_for": _Leaf(
        _path("Monitoring/MachineTool/WaitingFor", leaf=PLANT_URI),
        _INT,
        {
            "nothing": 0,
            "load": 1,
            "unload": 2,
            "tool": 3,
            "material": 4,
            "operator": 5,
            "service": 6,
            "other": 7,
        },
    ),
    "prog.name": _Leaf(_path("Production/ActiveProgram/Name"), _TEXT),
    "part.total": _Leaf(_path("Production/Statistics/PartsProducedInLifetime"), _INT),
    "part.scrap": _Leaf(_path("Production/Statistics/PartsScrappedInLifetime", leaf=PLANT_URI), _INT),
    "spindle.1.rotating": _Leaf(_path("Monitoring/Spindle1/IsRotating"), _BOOL),
    "spindle.1.speed": _Leaf(_path(f"{_SPINDLE}/ActSpeed", _CNC), _FLOAT),
    "spindle.1.load": _Leaf(_path(f"{_SPINDLE}/ActLoad", _CNC), _FLOAT),
    "spindle.1.power": _Leaf(_path(f"{_SPINDLE}/ActPower", _CNC), _FLOAT),
    "spindle.1.torque": _Leaf(_path(f"{_SPINDLE}/ActTorque", _CNC), _FLOAT),
    "feed.1.rate": _Leaf(_path(f"{_CHANNEL}/ActFeedrate", _CNC), _FLOAT),
    "feed.1.override": _Leaf(_path("Monitoring/Channel1/FeedOverride"), _FLOAT),
    "tool.id": _Leaf(_path(f"{_CHANNEL}/ToolId", _CNC), _TEXT),
    "power.active": _Leaf(_path(f"{_MAINS}/AcActivePowerTotal", _MACHINERY), _FLOAT),
    "power.voltage": _Leaf(_path(f"{_MAINS}/AcVoltagePe", _MACHINERY, PLANT_URI), _FLOAT),
    "power.current.l1": _Leaf(_path(f"{_MAINS}/AcCurrentL1", _MACHINERY, PLANT_URI), _FLOAT),
    "power.current.l2": _Leaf(_path(f"{_MAINS}/AcCurrentL2", _MACHINERY, PLANT_URI), _FLOAT),
    "power.current.l3": _Leaf(_path(f"{_MAINS}/AcCurrentL3", _MACHINERY, PLANT_URI), _FLOAT),
}
"""What a plant file has to write down beside the profile: spindle's power and torque, voltage and currents."""


class _Shared(ua.DataValue):
    """A value that the server does not clone for each of its subscribers.

    asyncua deep-copies every written value, which is two thirds of the cost of a write (45 µs against 15 µs);
    ours is never changed, so the copy can be the value itself.
    """

    __slots__ = ()

    def __deepcopy__(self, memo: dict[int, Any]) -> _Shared:
        return self


class OpcUaServer:
    """An `Outlet`: the machines of one source below Objects/Machines, each named by the last part of its name."""

    def __init__(self, plant: Plant, source: str, endpoint: str, namespaces: Sequence[str] = NAMESPACES) -> None:
        """`endpoint` as in a plant file, with a port and a loopback host; raises InputError otherwise."""
        host = urlsplit(endpoint).hostname or ""
        if host != "localhost" and not (host.replace(".", "").isdigit() and ip_address(host).is_loopback):
            raise InputError(f"{endpoint}: a simulated server listens on loopback only, for example on 127.0.0.1")
        self._plant = plant
        self._machines = plant.served(source)
        self._endpoint = endpoint
        self._namespaces = namespaces
        self._server: Server | None = None
        self._shown: dict[tuple[int, str], ua.Variant] = {}
        self._spoilt: set[tuple[int, str]] = set()
        self.nodes: dict[tuple[int, str], ua.NodeId] = {}
        """The variable of each (machine, signal), for tests that damage one."""

    async def start(self, present: Mapping[int, Mapping[str, tuple[int, Value]]]) -> None:
        """Go on line showing the present values. Raises SourceError if the port is taken."""
        logging.getLogger("asyncua.server").setLevel(logging.CRITICAL)
        server = await _standard_server()
        server.set_endpoint(self._endpoint)
        server.set_server_name("Stanok simulated machines")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        self._server = server
        await self._build(server)
        await self.send(
            [
                Sample(machine, signal, event_us, value, -1)
                for machine in self._machines
                for signal, (event_us, value) in present.get(machine, {}).items()
            ]
        )
        try:
            await server.start()
        except OSError as error:
            self._server = None
            raise SourceError(f"the simulated server cannot listen on {self._endpoint} ({error})") from error

    async def send(self, samples: Sequence[Sample]) -> None:
        """Write changes in order; returns when the server has them in the queues of its subscribers."""
        for number, sample in enumerate(samples, 1):
            if sample.signal == ONLINE:
                await self._line(sample)
            else:
                await self._show(sample)
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)

    async def _show(self, sample: Sample) -> None:
        kind, value = self._wire_value(sample)
        spoilt = sample.damage not in (Damage.NONE, Damage.LOST)
        # Spoilt is what is told, not what there is.
        there, true = self._wire_value(replace(sample, damage=Damage.NONE)) if spoilt else (kind, value)
        self._shown[sample.machine, sample.signal] = ua.Variant(true, there)
        if sample.damage is not Damage.LOST:
            self._allow(sample)
            await self.write(sample.machine, sample.signal, _stamped(ua.Variant(value, kind), sample.event_us))

    def _allow(self, sample: Sample) -> None:
        """A server checks the type of a value against the one before it; a badly programmed one does not."""
        key = sample.machine, sample.signal
        if self._server is not None and (sample.damage is not Damage.NONE or key in self._spoilt):
            self._server.iserver.aspace[self.nodes[key]].attributes[AttributeIds.Value].value = None
            self._spoilt.add(key)
            if sample.damage is Damage.NONE:
                self._spoilt.discard(key)

    async def _line(self, sample: Sample) -> None:
        """A server that loses its control says so of every node; when it is back, it shows what there is by then."""
        status = ua.StatusCode() if sample.value else ua.StatusCode(ua.UInt32(_NO_COMMUNICATION))
        for (machine, signal), value in self._shown.items():
            if machine == sample.machine:
                await self.write(machine, signal, _stamped(value, sample.event_us, status))

    async def stop(self) -> None:
        """Go off line; the sessions are told."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop()

    async def write(self, machine: int, signal: str, value: ua.DataValue) -> None:
        """Write a value as it is, straight into the address space: the quickest way that still tells subscribers."""
        if self._server is None:
            raise SourceError(f"the simulated server at {self._endpoint} is off line")
        space = self._server.iserver.aspace
        status = await space.write_attribute_value(self.nodes[machine, signal], AttributeIds.Value, value)
        if not status.is_good():
            raise SourceError(f"{self._plant.machines[machine].name} {signal}: the server refused {value.Value}")

    def _wire_value(self, sample: Sample) -> tuple[ua.VariantType, Value]:
        leaf = _LEAVES.get(sample.signal)
        name = self._plant.machines[sample.machine].name
        if leaf is None:
            raise InputError(f"{name}: the simulated OPC UA machine has no node for {sample.signal}")
        if sample.damage is Damage.TYPE:
            return (_FLOAT, 0.5) if leaf.kind == _TEXT else (_TEXT, "?")
        if sample.damage is Damage.NAN:
            return _FLOAT, math.nan
        if not leaf.words:
            return leaf.kind, sample.value
        number = leaf.words.get(str(sample.value))
        if number is None:
            raise InputError(f"{name}: OPC UA has no number for {sample.signal} = {sample.value}; use another word")
        return leaf.kind, number

    async def _build(self, server: Server) -> None:
        index = {uri: await server.register_namespace(uri) for uri in self._namespaces}
        folder = await server.nodes.objects.add_folder(index[_MACHINERY], "Machines")
        for position, machine in self._machines.items():
            root = await folder.add_object(index[PLANT_URI], machine.name.rpartition("/")[2])
            objects: dict[tuple[tuple[str, str], ...], Node] = {(): root}
            for signal in machine.signals:
                if leaf := _LEAVES.get(signal):
                    parent = await _object(objects, leaf.path[:-1], index)
                    self.nodes[position, signal] = await _variable(parent, leaf, index)


def _stamped(value: ua.Variant, at_us: int, status: ua.StatusCode | None = None) -> _Shared:
    return _Shared(
        Value=value,
        StatusCode=status or ua.StatusCode(),
        SourceTimestamp=cast(ua.DateTime, datetime_from_us(at_us)),
        ServerTimestamp=cast(ua.DateTime, datetime.now(UTC)),
    )


async def _standard_server() -> Server:
    """A server with the standard address space only.

    It has so many objects that collecting garbage while they are made doubles the time (1.5 s against 0.7 s).
    """
    server = Server()
    collecting = gc.isenabled()
    gc.disable()
    try:
        await server.init()
    finally:
        if collecting:
            gc.enable()
    return server


async def _object(
    objects: dict[tuple[tuple[str, str], ...], Node], path: tuple[tuple[str, str], ...], index: Mapping[str, int]
) -> Node:
    """The object at a path, made with all above it if it is not there yet."""
    if path not in objects:
        parent = await _object(objects, path[:-1], index)
        uri, name = path[-1]
        objects[path] = await parent.add_object(index[uri], name)
    return objects[path]


async def _variable(parent: Node, leaf: _Leaf, index: Mapping[str, int]) -> ua.NodeId:
    uri, name = leaf.path[-1]
    null = ua.Variant(None, ua.VariantType.Null)
    node = await parent.add_variable(index[uri], name, null, datatype=ua.NodeId(ua.Int32(leaf.kind.value)))
    return node.nodeid
