"""What people know, as it travels through `operator.spool`: reasons for stretches, scrap parts, and what is taken back.

Invariants: entries only grow. A mistake is taken back by an entry of its own, which repeats what it takes back, names
it and says who and why; a correction is that and a new entry. The id follows from the content, so that the same entry
made twice is one, and which entries are in effect does not depend on their order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.plant.reasons import ReasonClass
from core.units import FAR_US, natural_id

REASON, SCRAP = "reason", "scrap"
MOST_PARTS = 1_000_000
"""More scrap parts in one entry are a slip of the keyboard."""
_ID_BYTES = 6
"""Twelve hex digits can be typed; that two of a million entries share them has a chance of 0.2 %, and is refused."""


@dataclass(frozen=True)
class Entry:
    """One entry; instants in UTC µs, half-open. `entered_us` by the clock of whoever entered it.

    A reason holds for [from_us, to_us); scrap parts were made up to `from_us`, and `to_us` is 1 µs later.
    `program` is empty for the one that was selected then. `takes_back`: id of the entry that holds no more.
    """

    id: str
    kind: str
    machine: str
    from_us: int
    to_us: int
    author: str
    entered_us: int
    reason: str = ""
    reason_class: str = ""
    parts: int = 0
    program: str = ""
    note: str = ""
    takes_back: str = ""

    @property
    def repairs(self) -> bool:
        """Whether it says that the machine was under repair."""
        return self.kind == REASON and self.reason_class == ReasonClass.REPAIR

    @property
    def program_id(self) -> int:
        """Id of the named part program, 0 if none is named."""
        return natural_id("part_program", self.program) if self.program else 0


_IN_ID = ("kind", "machine", "from_us", "to_us", "author", "reason", "parts", "program", "note", "takes_back")


def identified(entry: Entry, before: Iterable[Entry]) -> Entry:
    """The entry with its id. Made again after it was taken back, it is another entry than before.

    >>> first = identified(Entry("", REASON, "s/m", 0, 60, "Anna", 99, "tool", "tool"), [])
    >>> identified(first, [first]).id == first.id
    True
    >>> back = identified(taken_back(first, "Anna", 120, ""), [first])
    >>> identified(first, [first, back]).id == first.id
    False
    """
    entries = list(before)
    gone = {other.takes_back for other in entries}
    content = [getattr(entry, name) for name in _IN_ID]
    again = sum([getattr(other, name) for name in _IN_ID] == content and other.id in gone for other in entries)
    text = json.dumps([*content, again], ensure_ascii=False).encode()
    return replace(entry, id=hashlib.blake2b(text, digest_size=_ID_BYTES).hexdigest())


def taken_back(entry: Entry, author: str, entered_us: int, note: str) -> Entry:
    """The entry, without an id yet, that takes another one back."""
    return replace(entry, id="", author=author, entered_us=entered_us, note=note, takes_back=entry.id)


def in_effect(entries: Sequence[Entry]) -> list[Entry]:
    """Those that hold: neither taken back nor taking back."""
    gone = {entry.takes_back for entry in entries}
    return [entry for entry in entries if not entry.takes_back and entry.id not in gone]


def pack_entry(entry: Entry) -> bytes:
    """Bytes of an entry."""
    return json.dumps(asdict(entry), ensure_ascii=False).encode()


def unpack_entry(payload: bytes) -> Entry:
    """The entry of `pack_entry`; ValueError for one that cannot be true, TypeError for one of another shape."""
    found: dict[str, Any] = json.loads(payload)
    entry = Entry(**found)
    for name, value in asdict(entry).items():
        wanted = int if name in ("from_us", "to_us", "entered_us", "parts") else str
        if type(value) is not wanted:
            raise TypeError(f"{name} is no {wanted.__name__}")
    if not entry.id or not entry.author or not entry.machine:
        raise ValueError("id, author or machine is missing")
    if not 0 <= entry.from_us < entry.to_us < FAR_US or not 0 <= entry.entered_us < FAR_US:
        raise ValueError(f"[{entry.from_us}, {entry.to_us}) µs is no stretch of time")
    if entry.kind == REASON and entry.reason:
        ReasonClass(entry.reason_class)
    elif entry.kind != SCRAP or not 1 <= entry.parts <= MOST_PARTS:
        raise ValueError(f"{entry.parts} parts of kind {entry.kind!r} are neither a reason nor scrap")
    return entry
