"""Settings of an installation: where its data lie and which servers it uses. Not the plant file: other people write it.

Order: built-in, then a TOML file, then the environment (`STANOK__SECTION__KEY`), then the command line. Secrets come
from files (`dsn_file`) or the environment only. Unknown keys are refused with their path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import InputError
from stanok.plantfile import read_toml

_PREFIX = "STANOK__"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(_Section):
    """`[data]`"""

    directory: Path | None = Field(default=None, description="spools, clock, embedded database")


class DatabaseSettings(_Section):
    """`[database]`: without it, an embedded PostgreSQL in the data directory is used."""

    dsn: str | None = Field(default=None, description="address for libpq; prefer dsn_file: it hides the password")
    dsn_file: Path | None = Field(default=None, description="file that holds the address")


class BrokerSettings(_Section):
    """`[broker]`: replaces host and port of every MQTT source of the plant file."""

    url: str | None = Field(default=None, description="mqtt://host:port")


class EngineSettings(_Section):
    """`[engine]`"""

    tick_s: float = Field(default=2.0, gt=0, description="real seconds between two ticks")
    commit_s: float = Field(default=1.0, gt=0, description="real seconds between two commits")
    repair_quiet_s: float = Field(
        default=30.0, gt=0, description="real seconds without late data before it is folded in"
    )
    commit_samples: int = Field(default=50_000, gt=0, description="samples that are committed earlier than that")


Port = Annotated[int, Field(ge=0, le=65535)] | Literal["off"]
"""A port of 127.0.0.1; 0 takes a free one, which the log names; `off` listens nowhere."""


class HealthSettings(_Section):
    """`[health]`: /healthz and /metrics of each process. The ports are assigned to nobody by IANA."""

    collector_port: Port = Field(default=8818, description="of the collector; 0 any free one, off")
    engine_port: Port = Field(default=8819, description="of the engine; 0 any free one, off")


class KeepSettings(_Section):
    """`[keep]`: what `stanok maintain` leaves. Sums by hour, shift and day are kept for ever."""

    past_days: int = Field(
        default=90, ge=7, description="days of minutes, gauges and snapshots; older ones cannot be folded again"
    )
    events_days: int = Field(default=1096, ge=7, description="days of words, counters, alarms and texts: three years")


class Settings(_Section):
    """All sections."""

    data: DataSettings = DataSettings()
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    engine: EngineSettings = EngineSettings()
    health: HealthSettings = HealthSettings()
    keep: KeepSettings = KeepSettings()

    def for_children(self) -> dict[str, str]:
        """What processes that are started with these settings need in their environment."""
        sections = {"ENGINE": self.engine, "HEALTH": self.health}
        return {
            f"{_PREFIX}{name}__{key.upper()}": str(value)
            for name, section in sections.items()
            for key, value in section.model_dump().items()
        }

    def data_directory(self) -> Path:
        """Where this installation keeps its files: as root /var/lib/stanok, else below the user's home."""
        if self.data.directory is not None:
            return self.data.directory.expanduser()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            return Path("/var/lib/stanok")
        return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "stanok"

    def dsn(self) -> str | None:
        """The database's address, or None for the embedded server."""
        if self.database.dsn_file is None:
            return self.database.dsn
        try:
            return self.database.dsn_file.read_text().strip()
        except OSError as error:
            raise InputError(f"database.dsn_file: {self.database.dsn_file} cannot be read: {error.strerror}") from error


def load_settings(path: Path | None, given: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """The settings of a file, the environment and the command line (`{"database.dsn": …}`, None for not given)."""
    found = read_toml(path) if path else {}
    for name, value in environment.items():
        if name.startswith(_PREFIX):
            _put(found, name.removeprefix(_PREFIX).lower().split("__"), value)
    for name, value in given.items():
        if value is not None:
            _put(found, name.split("."), value)
    try:
        return Settings.model_validate(found)
    except ValidationError as error:
        raise InputError("; ".join(map(_sentence, error.errors()))) from error


def _put(tree: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = value


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no such setting"
    return f"{where}: {error['msg']}"


def first_line(path: Path, option: str) -> str:
    """What a file with a secret holds; InputError if it cannot be read or is empty."""
    try:
        found = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{option}: {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        raise InputError(f"{option}: the first line of {path} is empty")
    return found
