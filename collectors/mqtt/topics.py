"""Which topic carries what of which machine: the routes of one source, made once from the plant.

Invariants: what is subscribed to covers exactly the topics that have a route, each once; a topic below a machine's own
prefix that no signal maps has a route without fields; machine and signal are positions in the plant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from collectors.mqtt.profiles import JSON, MTCONNECT, UMH
from collectors.mqtt.settings import (
    DEVICES,
    MachineSettings,
    SignalSettings,
    machine_settings,
    signal_settings,
    source_settings,
)
from core.plant.model import Plant, Source
from core.samples.mtconnect import SWITCH, UNCHANGED, WORDS
from core.vocabulary import Meaning, word_code

STATE_SUFFIX = "/state"
"""Retained by a publisher of profile "json": its present values, for a subscriber that comes later."""
STATUS_SUFFIX = "/status"
"""Retained: birth and will of a publisher."""
OBSERVATIONS = "/Observations/"
PROBE = "/Probe/"
AVAILABILITY = "/Availability"
"""Birth and will of an MTConnect agent, as bare words."""
HISTORIAN = "_historian"
"""The UMH contract whose messages may carry several tags."""
ONLINE = "conn.online"
KEEP = -1
"""Code of a word that says nothing: no sample."""


class Carries(Enum):
    """What the payload of a route is."""

    SAMPLES = "samples"
    STATE = "state"
    STATUS = "status"
    AVAILABILITY = "availability"
    OBSERVATION = "observation"
    FREE = "free"
    UNMAPPED = "unmapped"


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

    @property
    def mapped(self) -> bool:
        """Whether a signal of the plant file stands behind it."""
        return bool(self.fields) or self.carries not in (Carries.OBSERVATION, Carries.UNMAPPED)


@dataclass(frozen=True)
class Routes:
    """All topics of a source.

    `sequenced`: machines whose messages are numbered without holes; `shared`: machines whose numbers others use up too;
    `stated`: machines whose present values have a topic; `online`: signal of conn.online; `below`: what comes below a
    prefix besides.
    """

    by_topic: Mapping[str, tuple[Route, ...]]
    machines: tuple[int, ...]
    sequenced: frozenset[int]
    shared: frozenset[int]
    stated: frozenset[int]
    online: Mapping[int, int]
    below: Mapping[str, tuple[Route, ...]] = field(default_factory=dict)

    def of(self, topic: str) -> tuple[Route, ...]:
        """What a message of this topic carries; nothing if it was not subscribed to."""
        return self.by_topic.get(topic) or next((self.below[p] for p in _prefixes(topic) if p in self.below), ())

    @property
    def filters(self) -> list[str]:
        """What to subscribe to, sorted."""
        # "a/b/#" brings "a/b" too, and brokers may deliver what two filters match twice.
        alone = [t for t in self.by_topic if not any(p in self.below for p in (*_prefixes(t), f"{t}/"))]
        return sorted([*alone, *(f"{prefix}#" for prefix in self.below)])


def _prefixes(topic: str) -> list[str]:
    """`a/b/` and `a/` of `a/b/c`."""
    parts = topic.split("/")[:-1]
    return ["/".join(parts[:length]) + "/" for length in range(len(parts), 0, -1)]


def build_routes(plant: Plant, source: Source) -> Routes:
    """The routes of a source whose settings have no complaints."""
    by_topic: dict[str, list[Route]] = defaultdict(list)
    below: dict[str, tuple[Route, ...]] = {}
    machines = plant.served(source.name)
    born = source_settings(source).liveness == "birth"
    sections = {index: machine_settings(machine) for index, machine in machines.items()}
    for index, section in sections.items():
        signals = {name: signal_settings(address) for name, address in machines[index].signals.items()}
        for topic, route in _routes(plant, index, section, signals):
            by_topic[topic].append(route)
        for prefix, carries in _below(section, signals).items():
            below[prefix] = (*below.get(prefix, ()), Route(carries, index, {}))
        if born:
            topic, route = _birth(index, section)
            by_topic[topic].append(route)
    return Routes(
        {topic: tuple(routes) for topic, routes in by_topic.items()},
        tuple(machines),
        frozenset(index for index, section in sections.items() if _numbered(section)),
        frozenset(index for index, found in sections.items() if found.profile == MTCONNECT and not _numbered(found)),
        frozenset(index for index, found in sections.items() if found.profile == JSON),
        {index: plant.signal_index[ONLINE] for index, machine in machines.items() if ONLINE in machine.signals},
        below,
    )


def _numbered(section: MachineSettings) -> bool:
    return section.profile == JSON or section.seq is not None or section.sequence == "device"


def _birth(index: int, section: MachineSettings) -> tuple[str, Route]:
    if section.profile == MTCONNECT:
        return section.topic.replace(DEVICES, PROBE) + AVAILABILITY, Route(Carries.AVAILABILITY, index, {})
    return section.topic + STATUS_SUFFIX, Route(Carries.STATUS, index, {})


def _routes(
    plant: Plant, index: int, section: MachineSettings, signals: Mapping[str, SignalSettings]
) -> list[tuple[str, Route]]:
    if section.profile == JSON:
        fields = {found.name or name: _field(plant, name, found) for name, found in signals.items()}
        return [
            (section.topic, Route(Carries.SAMPLES, index, fields)),
            (section.topic + STATE_SUFFIX, Route(Carries.STATE, index, fields)),
        ]
    if section.profile == MTCONNECT:
        return _observation_routes(plant, index, section, signals)
    if section.profile == UMH:
        return _tag_routes(plant, index, section, signals)
    return _free_routes(plant, index, section, signals)


def _below(section: MachineSettings, signals: Mapping[str, SignalSettings]) -> dict[str, Carries]:
    """What else is published for the machine: prefix -> what it carries."""
    if section.profile == MTCONNECT:
        return {section.topic + OBSERVATIONS: Carries.OBSERVATION}
    if section.profile != UMH:
        return {}
    names = [found.name for found in signals.values() if found.name]
    return {f"{section.topic}/{name.split('/')[0]}/": Carries.UNMAPPED for name in names}


def _observation_routes(
    plant: Plant, index: int, section: MachineSettings, signals: Mapping[str, SignalSettings]
) -> list[tuple[str, Route]]:
    """One topic a data item; several signals may stand in one."""
    fields: dict[str, dict[str, Field]] = defaultdict(dict)
    for name, found in signals.items():
        for item in (*found.names, *([found.name] if found.name is not None else [])):
            fields[item][name] = _field(plant, name, found, {**_standard_words(plant, name), **found.words})
    prefix = section.topic + OBSERVATIONS
    return [(prefix + item, Route(Carries.OBSERVATION, index, found)) for item, found in fields.items()]


def _standard_words(plant: Plant, name: str) -> Mapping[str, str]:
    kind = plant.signals[plant.signal_index[name]].meaning.kind
    return {**(SWITCH if kind == "bool" else {}), **WORDS.get(name, {})}


def _tag_routes(
    plant: Plant, index: int, section: MachineSettings, signals: Mapping[str, SignalSettings]
) -> list[tuple[str, Route]]:
    """A tag's own topic, and for the historian every message that may hold it as a nested key."""
    fields: dict[str, dict[str, Field]] = defaultdict(dict)
    for name, found in signals.items():
        keys = (found.name or "").strip("/").split("/")
        if not keys[0]:
            continue
        topic = f"{section.topic}/{'/'.join(keys)}"
        fields[topic][name] = _field(plant, name, found, path=("value",))
        for length in range(1, len(keys)) if keys[0] == HISTORIAN else ():
            group = f"{section.topic}/{'/'.join(keys[:length])}"
            fields[group][name] = _field(plant, name, found, path=tuple(keys[length:]))
    return [(topic, Route(Carries.FREE, index, found, ("timestamp_ms",), "ms")) for topic, found in fields.items()]


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


def _field(
    plant: Plant,
    name: str,
    found: SignalSettings,
    words: Mapping[str, str] | None = None,
    path: tuple[str, ...] | None = None,
) -> Field:
    """A signal's place. `words` and `path` replace those of the plant file."""
    signal = plant.signal_index[name]
    meant = plant.signals[signal].meaning
    codes = {}
    if meant.words is not None or meant.kind == "bool":
        codes = {theirs: _code(meant, ours) for theirs, ours in (found.words if words is None else words).items()}
    return Field(signal, name, meant, _keys(found.path or "") if path is None else path, found.scale, codes)


def _code(meant: Meaning, word: str) -> int:
    if word == UNCHANGED:
        return KEEP
    code = word_code(meant.words, word) if meant.words is not None else int(word == "true")
    if code is None:
        raise ValueError(f"{word!r} was not checked")
    return code


def _keys(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()
