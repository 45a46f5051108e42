"""What a plant file says about MQTT sources and their machines, checked; unknown keys are refused by their path.

Models only; how topics and payloads follow from them stands in topics.py. Times are real seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from collectors.mqtt.profiles import DEFAULT_SIGNALS, JSON, MTCONNECT, UMH
from core.plant.model import Machine, Plant, Source
from core.units import DAY_US
from core.vocabulary import Meaning, meaning, word_code

PROTOCOL = "mqtt"
MOST_DAYS = 36_500
"""A hundred years: whoever means more means "none"."""
ALARMS = "alarm.edge"
DEVICES = "/Devices/"
"""In an MTConnect topic; the agent says that it lives at the same topic with Probe in this place."""
_NAMES = {
    JSON: "the word that the payload uses",
    MTCONNECT: "the id of a data item",
    UMH: "the rest of the topic after the location, such as _raw/part_total",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _topic(text: str) -> str:
    if not text or any(sign in text for sign in "+#\0"):
        raise ValueError("must name one topic: not empty, without + and #")
    return text


Topic = Annotated[str, BeforeValidator(lambda text: _topic(text) if isinstance(text, str) else text)]


class TlsSettings(_Strict):
    """Files in PEM form. Without `ca` the system's authorities are believed."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @model_validator(mode="after")
    def _files_exist(self) -> TlsSettings:
        for name in ("ca", "cert", "key"):
            path = getattr(self, name)
            if path is not None and not Path(path).is_file():
                raise ValueError(f"the file of {name}, {path}, does not exist")
        if self.key is not None and self.cert is None:
            raise ValueError("a key needs its cert")
        return self


class SourceSettings(_Strict):
    """A broker, and how its publishers prove that they live."""

    host: str
    port: int = Field(default=1883, ge=0, le=65535)
    client_id: str = Field(min_length=1)
    """The broker keeps our session under this name: fixed, and used by no other client."""
    mqtt_version: Literal["auto", "5", "3.1.1"] = "auto"
    """"auto" tries 5 and takes 3.1.1 if the broker does not know it."""
    user: str | None = None
    password_file: str | None = None
    tls: TlsSettings | None = None
    keepalive_s: int = Field(default=5, ge=1, le=60)
    receive_maximum: int = Field(default=2000, ge=1, le=65535)
    """Messages that an MQTT 5 broker may send before we acknowledge (reliability: a window of 2000 hides the disk)."""
    liveness: Literal["birth", "interval", "broker"] = "birth"
    max_interval_s: float | None = Field(default=None, gt=0)
    silence_s: float = Field(default=9.0, ge=3, le=600)
    """Without proof of life for so long a machine is silent; with "interval", three intervals count instead."""
    renews_state: bool = False
    """Publishers of profile "json" retain their present values anew every few seconds, changed or not."""
    clock: Literal["watched", "trusted"] = "watched"
    oldest_days: float | Literal["none"] = 400.0
    """A source time further back is not believed. "none" for a replay, whose data may be years old."""

    @model_validator(mode="after")
    def _together(self) -> SourceSettings:
        if self.liveness == "interval" and self.max_interval_s is None:
            raise ValueError('liveness "interval" needs max_interval_s')
        if self.liveness == "interval" and "silence_s" in self.model_fields_set:
            raise ValueError('with liveness "interval" silence is three of max_interval_s, not silence_s')
        if self.password_file is not None and self.user is None:
            raise ValueError("password_file needs user")
        if self.password_file is not None and not Path(self.password_file).is_file():
            raise ValueError(f"password_file {self.password_file} does not exist")
        if self.oldest_days != "none" and not 0 < self.oldest_days < MOST_DAYS:
            raise ValueError(f'oldest_days must be more than 0 and less than {MOST_DAYS}, or "none"')
        return self

    def oldest_us(self) -> int | None:
        """The greatest age of a source time that is believed; None without a limit."""
        return None if self.oldest_days == "none" else int(self.oldest_days * DAY_US)

    def password(self) -> str | None:
        """The password, read from its file; OSError if that cannot be read."""
        return Path(self.password_file).read_text().strip() if self.password_file else None


class SignalSettings(_Strict):
    """Where one signal stands. `name` with a profile; `topic` and `path` in a free mapping."""

    name: str | None = None
    """The payload's word in "json", the data item's id in "mtconnect-entity", the topic's rest in "umh"."""
    names: list[str] = Field(default_factory=list)
    """The ids of all conditions of an "mtconnect-entity" machine, for `alarm.edge`."""
    topic: Topic | None = None
    path: str | None = None
    """Keys from the top of the payload, with points between; "" is the whole payload."""
    scale: float = Field(default=1.0, allow_inf_nan=False)
    """Factor from the publisher's unit to the unit of the vocabulary."""
    words: dict[str, str] = Field(default_factory=dict)
    """The publisher's word or number -> canonical word (`true`/`false` for switches)."""


class TimeSettings(_Strict):
    """Where the event time stands in a free mapping."""

    path: str
    unit: Literal["us", "ms", "s", "iso"]


class SeqSettings(_Strict):
    """Where a counter of messages stands in a free mapping: one counter a machine, one step a message."""

    path: str


class MachineSettings(_Strict):
    """A machine's section besides its signals."""

    topic: Topic
    profile: Literal["json", "mtconnect-entity", "umh"] | None = None
    time: TimeSettings | None = None
    seq: SeqSettings | None = None
    sequence: Literal["agent", "device"] = "agent"
    """What an MTConnect agent's numbers count. "device": this machine alone, so that a hole is a loss."""

    @model_validator(mode="after")
    def _own_shape_is_complete(self) -> MachineSettings:
        if self.profile is not None and (self.time or self.seq):
            raise ValueError(f'profile "{self.profile}" has time and seq of its own; remove time and seq')
        if self.sequence != "agent" and self.profile != MTCONNECT:
            raise ValueError(f'sequence belongs to profile "{MTCONNECT}" only; remove it')
        return self


def source_settings(source: Source) -> SourceSettings:
    """The checked settings of a source; raises pydantic's ValidationError (see `complaints` for sentences)."""
    return SourceSettings.model_validate(dict(source.settings))


def machine_settings(machine: Machine) -> MachineSettings:
    """The checked section of a machine; raises ValidationError."""
    return MachineSettings.model_validate(dict(machine.mapping))


def signal_settings(address: Any) -> SignalSettings:
    """The checked address of a signal; a text is its name and path, a list its names. Raises ValidationError."""
    if isinstance(address, str):
        return SignalSettings(name=address, path=address)
    if isinstance(address, list):
        return SignalSettings.model_validate({"names": address})
    return SignalSettings.model_validate(address)


def complaints(plant: Plant) -> list[str]:
    """Everything wrong with the MQTT sources and machines of a plant, a sentence each, beginning with the path."""
    found: list[str] = []
    for index, source in enumerate(plant.sources):
        if source.protocol != PROTOCOL:
            continue
        found += _sentences(f'source "{source.name}"', SourceSettings, dict(source.settings))
        for machine in plant.machines:
            if any(feed.source == index for feed in machine.feeds):
                path = f'machine "{machine.name}"' + (f'.source "{source.name}"' if machine.more else "")
                found += _machine_complaints(path, machine.as_seen_by(index))
                found += _liveness_complaints(machine.as_seen_by(index), source)
    return found + _shared_client_ids(plant) + _shared_topics(plant)


def _machine_complaints(path: str, machine: Machine) -> Iterator[str]:
    yield from _sentences(path, MachineSettings, dict(machine.mapping))
    profile = _profile(machine)
    for name, address in machine.signals.items():
        yield from _signal_complaints(f"{path}.signals.{name}", name, address, profile)


def _profile(machine: Machine) -> str | None:
    """The machine's profile, if it is one; others have been complained about."""
    given = machine.mapping.get("profile")
    return given if isinstance(given, str) and given in DEFAULT_SIGNALS else None


def _liveness_complaints(machine: Machine, source: Source) -> Iterator[str]:
    """A birth has to be published somewhere: UMH knows none, and an agent says it beside its devices."""
    profile, topic = _profile(machine), str(machine.mapping.get("topic"))
    if source.settings.get("liveness", "birth") != "birth":
        return
    if profile == UMH or (profile == MTCONNECT and DEVICES not in topic):
        yield (
            f'machine "{machine.name}": nobody publishes its birth; give source "{source.name}" liveness "interval" '
            'with max_interval_s, or "broker"'
        )


def _signal_complaints(path: str, name: str, address: Any, profile: str | None) -> Iterator[str]:
    meant = meaning(name)
    if meant is None:
        yield f"{path}: is not in the vocabulary of signals"
        return
    given = {"names": address} if isinstance(address, list) else address
    wrong = list(_sentences(path, SignalSettings, given)) if not isinstance(given, str) else []
    yield from wrong
    if wrong or name == "conn.online":
        return
    signal = signal_settings(address)
    yield from _place_complaints(path, name, signal, profile)
    yield from _word_complaints(path, meant, signal.words)


def _place_complaints(path: str, name: str, signal: SignalSettings, profile: str | None) -> Iterator[str]:
    if signal.names and not (profile == MTCONNECT and name == ALARMS):
        yield f'{path}: only {ALARMS} of profile "{MTCONNECT}" has several names'
    elif profile is None and signal.path is None:
        yield f"{path}: needs a path into the payload"
    elif profile is not None and signal.name is None and not signal.names:
        yield f'{path}: profile "{profile}" needs a name, {_NAMES[profile]}'
    if profile in (MTCONNECT, UMH):
        for wanted in [*signal.names, *([signal.name] if signal.name is not None else [])]:
            if any(sign in wanted for sign in "+#\0") or not wanted.strip("/"):
                yield f"{path}: {wanted!r} is a part of a topic: not empty, without + and #"


def _word_complaints(path: str, meant: Meaning, words: Mapping[str, str]) -> Iterator[str]:
    for theirs, ours in words.items():
        if meant.words is not None and word_code(meant.words, ours) is None:
            choices = ", ".join(member.name.lower() for member in meant.words)
            yield f"{path}.words.{theirs}: {ours!r} is not one of {choices}"
        elif meant.kind == "bool" and ours not in ("true", "false"):
            yield f"{path}.words.{theirs}: {ours!r} is neither true nor false"
        elif meant.words is None and meant.kind != "bool":
            yield f"{path}.words: a signal of kind {meant.kind} has no words"
            return


def _sentences(path: str, model: type[BaseModel], given: Any) -> Iterator[str]:
    try:
        model.model_validate(given)
    except ValidationError as wrong:
        for error in wrong.errors():
            where = ".".join([path, *map(str, error["loc"])])
            what = "is not a known key" if error["type"] == "extra_forbidden" else error["msg"]
            yield f"{where}: {what.removeprefix('Value error, ')}"


def _shared_client_ids(plant: Plant) -> list[str]:
    first: dict[tuple[Any, Any, Any], str] = {}
    found = []
    for source in plant.sources:
        if source.protocol != PROTOCOL:
            continue
        key = (source.settings.get("host"), source.settings.get("port"), source.settings.get("client_id"))
        other = first.setdefault(key, source.name)
        if other != source.name:
            found.append(f'source "{source.name}".client_id: source "{other}" has the same; they would end each other')
    return found


def _shared_topics(plant: Plant) -> list[str]:
    first: dict[tuple[int, str], str] = {}
    found = []
    seen = (machine.as_seen_by(feed.source) for machine in plant.machines for feed in machine.feeds)
    for machine in seen:
        if plant.sources[machine.source].protocol != PROTOCOL or _profile(machine) is None:
            continue
        other = first.setdefault((machine.source, str(machine.mapping.get("topic"))), machine.name)
        if other != machine.name:
            found.append(f'machine "{machine.name}".topic: machine "{other}" has the same; they would be mixed up')
    return found
