"""What a plant file may say about an OPC UA source and its machines, and every complaint about it, by path.

Invariants: a connection without security must be asked for by name; a secured one has a pinned server certificate.
Secrets come from files only. Unknown keys are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from collectors.opcua.addresses import parse_address
from collectors.opcua.profiles import DEFAULT_SIGNALS
from core.plant.model import Machine, Plant, Source
from core.vocabulary import meaning, word_code

_SECURED = ("certificate", "private_key", "server_certificate")


def _checked_address(text: str) -> str:
    parse_address(text)
    return text


def _checked_endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "opc.tcp" or not parts.hostname or parts.port is None:
        raise ValueError("an endpoint looks like opc.tcp://host:4840/path")
    if parts.username or parts.password:
        raise ValueError("no user in the endpoint; use user and password_file")
    return text


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_File = Annotated[Path | None, BeforeValidator(lambda found: Path(found) if isinstance(found, str) else found)]


class SourceSettings(_Table):
    """One OPC UA server."""

    endpoint: Annotated[str, AfterValidator(_checked_endpoint)]
    security: Literal["none", "Basic256Sha256"] = "Basic256Sha256"
    """`Basic256Sha256` signs and encrypts; `none` must be written down."""
    certificate: _File = None
    """Our certificate; its subject alternative name carries `application_uri`."""
    private_key: _File = None
    server_certificate: _File = None
    """The only server certificate that is accepted (pinned)."""
    application_uri: str = "urn:stanok:collector"
    user: str | None = None
    password_file: _File = None
    publishing_ms: int = Field(default=500, ge=50, le=1000)
    """Publishing interval; at most a second, so that a heartbeat a second is possible."""
    queue: int = Field(default=1000, ge=100, le=10_000)
    """Values the server keeps for one item between two publishes; 100 outlast a short stall of this collector."""
    report: Literal["value", "timestamp"] = "value"
    """`timestamp` also reports a value that was written again unchanged."""
    silence_s: float = Field(default=9.0, ge=3, le=600)
    """Without proof of life for so long the server's machines are silent."""
    clock: Literal["watched", "trusted"] = "watched"
    """`trusted`: source times are used however far they are off."""

    @model_validator(mode="after")
    def _secured(self) -> SourceSettings:
        if self.security == "none":
            if self.user is not None:
                raise ValueError('a password needs a secured connection, not security = "none"')
            return self
        missing = [key for key in _SECURED if getattr(self, key) is None]
        if missing:
            raise ValueError(f'give {", ".join(missing)}, or say security = "none"')
        return self

    @model_validator(mode="after")
    def _user_and_password(self) -> SourceSettings:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        return self


class MachineSettings(_Table):
    """Where a machine is in its server. `path`: its object below Objects/Machines, or its node id."""

    path: Annotated[str, AfterValidator(_checked_address)]
    profile: str | None = None


class Address(_Table):
    """Where a signal is, and how its value is read.

    `factor` turns the server's unit into ours; `words` maps numbers or texts of the server to canonical words;
    an `optional` signal is not missed where the server never had it.
    """

    path: Annotated[str, AfterValidator(_checked_address)]
    factor: float = 1.0
    words: dict[str, str] = Field(default_factory=dict)
    optional: bool = False


def address_of(machine: Machine, signal: str) -> Address:
    """The address of a signal; where only a path is given, options come from the machine's profile.

    Raises pydantic's ValidationError.
    """
    found = machine.signals[signal]
    if isinstance(found, str):
        known = DEFAULT_SIGNALS.get(str(machine.mapping.get("profile")), {}).get(signal, found)
        found = {**known, "path": found} if isinstance(known, dict) else {"path": found}
    return Address.model_validate(found)


def source_settings(source: Source) -> SourceSettings:
    """The checked settings of a source; raises pydantic's ValidationError."""
    return SourceSettings.model_validate(dict(source.settings))


def complaints(plant: Plant) -> list[str]:
    """Everything wrong with the OPC UA parts of a plant, each sentence beginning with the path of its key."""
    found: list[str] = []
    for index, source in enumerate(plant.sources):
        if source.protocol != "opcua":
            continue
        found += _try(f"source[{index}]", SourceSettings, dict(source.settings))
        for position, machine in plant.served(source.name).items():
            feeds = plant.machines[position].feeds
            slot = next(slot for slot, feed in enumerate(feeds) if feed.source == machine.source)
            path = f"machine[{position}]" + (f".source[{slot}]" if len(feeds) > 1 else "")
            found += _machine_complaints(path, machine)
    return found


def _machine_complaints(path: str, machine: Machine) -> Iterator[str]:
    yield from _try(path, MachineSettings, dict(machine.mapping))
    profile = machine.mapping.get("profile")
    if isinstance(profile, str) and profile not in DEFAULT_SIGNALS:
        yield f"{path}.profile: {profile} is not known; there is {', '.join(sorted(DEFAULT_SIGNALS))}"
    if not machine.signals:
        yield f"{path}.signals: no signals; name a profile or addresses"
    for signal in machine.signals:
        yield from _signal_complaints(f"{path}.signals.{signal}", machine, signal)


def _signal_complaints(path: str, machine: Machine, signal: str) -> Iterator[str]:
    try:
        address = address_of(machine, signal)
    except ValidationError as error:
        yield from _sentences(path, error)
        return
    found = meaning(signal)
    words = found.words if found else None
    for word in address.words.values():
        if words is None or word_code(words, word) is None:
            yield f"{path}.words: {word} is no word of {signal}"


def _try(path: str, kind: type[_Table], found: dict[str, Any]) -> list[str]:
    try:
        kind.model_validate(found)
    except ValidationError as error:
        return list(_sentences(path, error))
    return []


def _sentences(path: str, error: ValidationError) -> Iterator[str]:
    for entry in error.errors():
        where = ".".join([path, *map(str, entry["loc"])])
        yield f"{where}: {entry['msg'].removeprefix('Value error, ')}"
