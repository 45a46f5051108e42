"""A first plant file for a recording: keys are recognised by their words and names. A person reads and corrects it.

Invariants: a signal is given to one key at most, a key that is not recognised to none; what the file says passes the
check of plant files; a recording's times are years old and out of order, so its source is trusted and has no age limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from core.samples.mtconnect import SWITCH, UNCHANGED, WORDS
from core.vocabulary import meaning
from simulators.recordings import Recording, Seen

SITE, MACHINE = "replay", "machine"
"""Where an SHDR recording's machine is put: it has no name in the file."""
MTCONNECT, JSON, UMH = "mtconnect-entity", "json", "umh"
CONVENTIONS = (MTCONNECT, JSON, UMH)
UMH_CONTRACT = "_raw"
ALARMS = "alarm.edge"

QUIET_S = 1200.0
"""A recording may pause; three of these without a message count as silence."""

_BY_WORDS = ("conn.online", "ctrl.execution", "ctrl.op_mode", "ctrl.estop", "ctrl.wait_for", "ctrl.mode")
"""Recognised by every word they had. Availability first: others can be UNAVAILABLE too."""

_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"p?\d*_?part_?count(er)?", "part.total"),
    (r"p?\d*_?program(_?name)?", "prog.name"),
    (r"p?\d*_?\w*dry_?run", "ctrl.dry_run"),
    (r"p?\d*_?\w*sing[le]+_?blo?ck", "ctrl.single_block"),
    (r"S(\d)_?(speed|rpm)", "spindle.{}.speed"),
    (r"S(\d)_?load", "spindle.{}.load"),
    (r"S(\d)_?ovr", "spindle.{}.override"),
    (r"S(\d)_?cmd", "spindle.{}.speed_cmd"),
    (r"p?\d*_?F_?ovr", "feed.1.override"),
    (r"p?\d*_?F_?act", "feed.1.rate"),
    (r"p?\d*_?(current)?_?tool(_?id|_?number)?", "tool.id"),
)
"""Names that makers of adapters like, and what they mean. Case does not matter."""


def plant_document(recording: Recording, convention: str, host: str, port: int) -> dict[str, Any]:
    """The content of a plant file for everything in a recording, published at a broker by a convention."""
    machines = {name or f"{SITE}/{MACHINE}": keys for name, keys in recording.keys.items()}
    liveness = {"liveness": "interval", "max_interval_s": QUIET_S, "clock": "trusted", "oldest_days": "none"}
    shift = {"name": "all day", "start": "00:00", "end": "00:00"}
    return {
        "enterprise": {"name": "Replay"},
        "site": [
            {"name": site, "zone": "UTC", "shift": [shift]} for site in sorted({m.partition("/")[0] for m in machines})
        ],
        "source": [
            {"name": "recording", "protocol": "mqtt", "host": host, "port": port, "client_id": "stanok-replay"}
            | liveness
        ],
        "machine": [_machine(name, keys, convention) for name, keys in machines.items()],
        "part_program": [{"name": name} for name in sorted(set(_programs(machines)))],
    }


def machine_name(name: str) -> str:
    """The machine of an event in the plant."""
    return name or f"{SITE}/{MACHINE}"


def topic_of(machine: str, convention: str) -> str:
    """Where a machine publishes."""
    plain = re.sub(r"[+#\0]", "_", machine)
    topics = {
        MTCONNECT: f"MTConnect/Devices/{plain.replace('/', '.')}",
        JSON: f"stanok/{plain}",
        UMH: f"umh/v1/{plain}",
    }
    return topics[convention]


def recognise(keys: Mapping[str, Seen]) -> dict[str, str]:
    """Signal -> key."""
    found: dict[str, str] = {}
    for key, seen in keys.items():
        signal = key if meaning(key) else _by_words(seen) or _by_name(key)
        if signal is not None and not seen.condition:
            found.setdefault(signal, key)
    return found


def _by_words(seen: Seen) -> str | None:
    words = seen.values - {""}
    return next((signal for signal in _BY_WORDS if words and words <= set(WORDS[signal])), None)


def _by_name(key: str) -> str | None:
    for pattern, signal in _BY_NAME:
        if found := re.fullmatch(pattern, key, re.IGNORECASE):
            return signal.format(found[1] if found.groups() else "")
    return None


def _machine(name: str, keys: Mapping[str, Seen], convention: str) -> dict[str, Any]:
    signals: dict[str, Any] = {s: _address(s, key, convention) for s, key in sorted(recognise(keys).items())}
    conditions = [key for key, seen in keys.items() if seen.condition]
    if conditions and convention == MTCONNECT:
        signals[ALARMS] = conditions
    counted = {"sequence": "device"} if convention == MTCONNECT else {}
    where = {"area": "replay", "source": "recording", "profile": convention, "topic": topic_of(name, convention)}
    return {"name": name} | where | counted | {"signals": signals}


def _address(signal: str, key: str, convention: str) -> Any:
    """The key as the convention writes it, with the words that the other conventions do not know."""
    name = f"{UMH_CONTRACT}/{key}" if convention == UMH else key
    found = meaning(signal)
    words = {their: our for their, our in WORDS.get(signal, {}).items() if our != UNCHANGED}
    if convention == MTCONNECT or signal == key or found is None:
        return name
    words = {**(SWITCH if found.kind == "bool" else {}), **words}
    return {"name": name, "words": words} if words else name


def _programs(machines: Mapping[str, Mapping[str, Seen]]) -> Iterator[str]:
    for keys in machines.values():
        key = recognise(keys).get("prog.name")
        if key is not None:
            yield from (name for name in keys[key].values if name.strip() == name != "" and name.isprintable())


def toml_text(document: Mapping[str, Any]) -> str:
    """A document of tables, lists of tables, texts, numbers and lists of texts as TOML."""
    return "\n".join(_table(document, ())).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    # Addresses of signals stand in their line, as people write them.
    inner = {key: value for key, value in table.items() if _is_table(value) and path[-1:] != ("signals",)}
    yield from (f"{_key(key)} = {_plain(value)}" for key, value in table.items() if key not in inner)
    for key, value in inner.items():
        where = (*path, key)
        name = ".".join(map(_key, where))
        for item in value if isinstance(value, list) else [value]:
            yield f"\n[[{name}]]" if isinstance(value, list) else f"\n[{name}]"
            yield from _table(item, where)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_plain(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else json.dumps(key, ensure_ascii=False)
