"""From a plant file to a `Plant`, and the names of every version that wrote to a data directory.

A spool row names machines and signals by position under the hash of its plant version. `remember_names` keeps those
names beside the spool, so that rows written before a change of the plant file can still be read.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collectors.mqtt.settings import complaints as mqtt_complaints
from collectors.opcua.settings import complaints as opcua_complaints
from collectors.profiles import expand
from core.errors import InputError, PlantError
from core.plant.model import Plant
from core.plant.parse import parse_plant
from core.plant.workdays import calendar_complaints
from core.units import DAY_US

CALENDAR_AHEAD_US = 60 * DAY_US
"""Days off of a new year are decreed in autumn: two months are time enough to add them, and no sooner can one."""


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a mapping; InputError names the file and the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: is not valid TOML: {error}") from error


def load_plant(path: Path, broker: str | None = None) -> Plant:
    """The plant of a file, with profiles expanded; PlantError carries every complaint at once.

    `broker`: mqtt://host:port that replaces the address of every MQTT source.
    """
    document = read_toml(path)
    if broker is not None:
        _use_broker(document, broker)
    return plant_of(document)


def _use_broker(document: dict[str, Any], broker: str) -> None:
    address = urlsplit(broker)
    if address.scheme != "mqtt" or not address.hostname:
        raise InputError(f"broker.url: {broker!r} is not an address like mqtt://127.0.0.1:1883")
    for source in document.get("source", []):
        if source.get("protocol") == "mqtt":
            source.update(host=address.hostname, port=address.port or 1883)


def plant_of(document: Mapping[str, Any]) -> Plant:
    """The plant of a parsed file, checked by the core and by the collectors of its protocols."""
    plant = parse_plant(expand(dict(document)))
    complaints = [*opcua_complaints(plant), *mqtt_complaints(plant)]
    if complaints:
        raise PlantError(complaints)
    return plant


def calendar_notes(plant: Plant, now_us: int) -> list[str]:
    """Sites whose production calendar is not known now or in two months: no fault, but their plan is wrong."""
    return calendar_complaints(plant, now_us, now_us + CALENDAR_AHEAD_US)


def remember_names(directory: Path, plant: Plant) -> None:
    """Keep the names that positions of this plant version stand for."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{plant.hash.hex()}.json"
    if not path.exists():
        names = {
            "machines": [machine.name for machine in plant.machines],
            "signals": [signal.name for signal in plant.signals],
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(names, ensure_ascii=False))
        fresh.replace(path)


def names_of(directory: Path, plant_hash: bytes) -> tuple[Sequence[str], Sequence[str]] | None:
    """Names of machines and signals of an earlier plant version, None if it never was here."""
    path = directory / f"{plant_hash.hex()}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return found["machines"], found["signals"]
