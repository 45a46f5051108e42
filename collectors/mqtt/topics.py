"""Which topic carries what of which machine: the routes of one source, made once from the plant.

Invariants: the routes hold exactly the topics that are subscribed to; machine and signal are positions in the plant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from collectors.mqtt.profiles import JSON
from collectors.mqtt.settings import MachineSettings, SignalSettings, machine_settings, signal_settings, source_settings
from core.plant.model import Plant, Source
from core.vocabulary import Meaning, word_code

STATE_SUFFIX = "/state"
"""Retained by a publisher of profile "json": its present values, for a subscriber that comes later."""
STATUS_SUFFIX = "/status"
"""Retained: birth and will of a publisher."""
ONLINE = "conn.online"


class Carries(Enum):
    """What the payload of a route is."""

    SAMPLES = "samples"
    STATE = "state"
    STATUS = "status"
    FREE = "free"


@dataclass(frozen=True)
class Field:
    """One signal of one machine in a payload. `words` maps the publisher's words and numbers to codes."""

    signal: int
    name: str
    meaning: Meaning
    path: tuple[str, ...] = ()
    scale: float = 1.0
    words: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """What one topic carries of one machine. `fields` is by the payload's own name of each signal."""

    carries: Carries
    machine: int
    fields: Mapping[str, Field]
    time_path: tuple[str, ...] | None = None
    time_unit: str = ""
    seq_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Routes:
    """All topics of a source. `sequenced`: machines whose messages are numbered. `online`: signal of conn.online."""

    by_topic: Mapping[str, tuple[Route, ...]]
    machines: tuple[int, ...]
    sequenced: frozenset[int]
    online: Mapping[int, int]


def build_routes(plant: Plant, source: Source) -> Routes:
    """The routes of a source whose settings have no complaints."""
    by_topic: dict[str, list[Route]] = defaultdict(list)
    machines = plant.machines_of(source.name)
    born = source_settings(source).liveness == "birth"
    sequenced = set()
    for index in machines:
        machine = plant.machines[index]
        section = machine_settings(machine)
        if section.profile == JSON or section.seq is not None:
            sequenced.add(index)
        for topic, route in _routes(plant, index, section):
            by_topic[topic].append(route)
        if born:
            by_topic[section.topic + STATUS_SUFFIX].append(Route(Carries.STATUS, index, {}))
    return Routes(
        {topic: tuple(routes) for topic, routes in by_topic.items()},
        machines,
        frozenset(sequenced),
        {index: plant.signal_index[ONLINE] for index in machines if ONLINE in plant.machines[index].signals},
    )


def _routes(plant: Plant, index: int, section: MachineSettings) -> list[tuple[str, Route]]:
    machine = plant.machines[index]
    signals = {name: signal_settings(address) for name, address in machine.signals.items()}
    if section.profile == JSON:
        fields = {found.name or name: _field(plant, name, found) for name, found in signals.items()}
        return [
            (section.topic, Route(Carries.SAMPLES, index, fields)),
            (section.topic + STATE_SUFFIX, Route(Carries.STATE, index, fields)),
        ]
    return _free_routes(plant, index, section, signals)


def _free_routes(
    plant: Plant, index: int, section: MachineSettings, signals: Mapping[str, SignalSettings]
) -> list[tuple[str, Route]]:
    fields: dict[str, dict[str, Field]] = defaultdict(dict)
    for name, found in signals.items():
        if found.path is not None:
            fields[found.topic or section.topic][name] = _field(plant, name, found)
    time_path = _keys(section.time.path) if section.time else None
    unit = section.time.unit if section.time else ""
    seq_path = _keys(section.seq.path) if section.seq else None
    return [(topic, Route(Carries.FREE, index, found, time_path, unit, seq_path)) for topic, found in fields.items()]


def _field(plant: Plant, name: str, found: SignalSettings) -> Field:
    signal = plant.signal_index[name]
    meant = plant.signals[signal].meaning
    codes = {theirs: _code(meant, ours) for theirs, ours in found.words.items()}
    return Field(signal, name, meant, _keys(found.path or ""), found.scale, codes)


def _code(meant: Meaning, word: str) -> int:
    code = word_code(meant.words, word) if meant.words is not None else int(word == "true")
    if code is None:
        raise ValueError(f"{word!r} was not checked")
    return code


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()
