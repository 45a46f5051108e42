"""What travels through the spool besides samples, and the bytes of all of it.

A payload is pure data: `pack_*` and `unpack_*` are inverse. The spool adds number, checksum and compression.
A damaged payload raises ValueError; it cannot be read half.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from core.samples.batch import COLUMNS, SampleBatch
from core.vocabulary import Cause


class RowKind(IntEnum):
    """What a spool row carries. Codes are stored: never renumber."""

    SAMPLES = 1
    ALARM = 2
    OPERATOR = 3
    GAP = 4
    HEARTBEAT = 5
    QUARANTINE = 6
    TICK = 7


@dataclass(frozen=True)
class SpoolRow:
    """One row on its way into a spool: a packed payload of one source, made under one plant version."""

    kind: RowKind
    source: str
    plant_hash: bytes
    received_us: int
    payload: bytes


@dataclass(frozen=True)
class StoredRow:
    """One row read back, with the number that the spool gave it (rising, never used twice)."""

    record: int
    kind: RowKind
    source: str
    plant_hash: bytes
    received_us: int
    payload: bytes


@dataclass(frozen=True)
class Heartbeat:
    """Proof of life: up to `at_us` (the source's believed clock) everything of `machine` has been delivered."""

    machine: NDArray[np.int32]
    at_us: NDArray[np.int64]


@dataclass(frozen=True)
class Gap:
    """The edge of a gap of one source for some machines: opened at the last proof of life, closed at the next.

    `opened` False closes. `proven`: a sequence shows that everything in [from_us, at_us) has been delivered, so gaps
    inside do not count (outcome recovered); `from_us` is -1 without that.
    """

    opened: bool
    at_us: int
    cause: Cause
    machines: tuple[int, ...]
    proven: bool = False
    from_us: int = -1


@dataclass(frozen=True)
class Quarantine:
    """What could not be decoded, with its raw bytes. `origin` is a topic or an address."""

    reason: str
    origin: str
    machine: int
    raw: bytes


@dataclass(frozen=True)
class Tick:
    """The engine's clock, and the last record each spool had when it was written (spool id -> record)."""

    at_us: int
    ends: Mapping[str, int] = field(default_factory=dict)


_HEAD = struct.Struct("<II")


def pack_samples(batch: SampleBatch) -> bytes:
    """Bytes of a batch: number of samples, texts as JSON, then the columns."""
    texts = json.dumps(batch.texts, ensure_ascii=False).encode()
    columns = b"".join(np.ascontiguousarray(getattr(batch, name), kind).tobytes() for name, kind in COLUMNS)
    return _HEAD.pack(len(batch), len(texts)) + texts + columns


def unpack_samples(payload: bytes) -> SampleBatch:
    """The batch of `pack_samples`."""
    count, text_bytes = _HEAD.unpack_from(payload)
    at = _HEAD.size + text_bytes
    texts = json.loads(payload[_HEAD.size : at])
    columns: dict[str, NDArray[np.generic]] = {}
    for name, kind in COLUMNS:
        columns[name] = np.frombuffer(payload, kind, count, at)
        at += columns[name].nbytes
    if at != len(payload):
        raise ValueError(f"a batch of {count} samples has {len(payload) - at} bytes too many")
    return SampleBatch.of(columns, texts)


def pack_heartbeat(beat: Heartbeat) -> bytes:
    """Bytes of a heartbeat."""
    return json.dumps({"machine": beat.machine.tolist(), "at_us": beat.at_us.tolist()}).encode()


def unpack_heartbeat(payload: bytes) -> Heartbeat:
    """The heartbeat of `pack_heartbeat`."""
    found = json.loads(payload)
    return Heartbeat(np.array(found["machine"], "<i4"), np.array(found["at_us"], "<i8"))


def pack_gap(gap: Gap) -> bytes:
    """Bytes of a gap's edge."""
    return json.dumps(
        {
            "opened": gap.opened,
            "at_us": gap.at_us,
            "cause": int(gap.cause),
            "machines": gap.machines,
            "proven": gap.proven,
            "from_us": gap.from_us,
        }
    ).encode()


def unpack_gap(payload: bytes) -> Gap:
    """The gap's edge of `pack_gap`."""
    found = json.loads(payload)
    cause, machines = Cause(found["cause"]), tuple(found["machines"])
    return Gap(found["opened"], found["at_us"], cause, machines, found["proven"], found.get("from_us", -1))


def pack_quarantine(item: Quarantine) -> bytes:
    """Bytes of a quarantined payload; the raw bytes come last, as they were."""
    head = json.dumps({"reason": item.reason, "origin": item.origin, "machine": item.machine}).encode()
    return _HEAD.pack(len(head), len(item.raw)) + head + item.raw


def unpack_quarantine(payload: bytes) -> Quarantine:
    """The item of `pack_quarantine`."""
    head, raw = _HEAD.unpack_from(payload)
    at = _HEAD.size + head
    found = json.loads(payload[_HEAD.size : at])
    return Quarantine(found["reason"], found["origin"], found["machine"], payload[at : at + raw])


def pack_tick(tick: Tick) -> bytes:
    """Bytes of a tick."""
    return json.dumps({"at_us": tick.at_us, "ends": dict(tick.ends)}).encode()


def unpack_tick(payload: bytes) -> Tick:
    """The tick of `pack_tick`."""
    found = json.loads(payload)
    return Tick(found["at_us"], found["ends"])
