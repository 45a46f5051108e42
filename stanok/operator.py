"""What people tell: checked against the plant, the present and what was told before, then one entry of operator.spool.

Invariants: an entry is checked and written in one transaction of the spool, so two people at once cannot together tell
what neither may; nothing is changed or removed, only taken back by name; the same words twice are one entry.
Times without a zone are those of the machine's site. Every refusal is an InputError with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from core.errors import InputError
from core.plant.model import Machine, Plant
from core.plant.reader import hint, shown
from core.plant.reasons import ReasonClass, reason_named
from core.samples.entries import (
    MOST_PARTS,
    REASON,
    SCRAP,
    Entry,
    identified,
    in_effect,
    pack_entry,
    taken_back,
    unpack_entry,
)
from core.samples.records import RowKind, SpoolRow
from core.units import DAY_US, datetime_from_us
from stanok.jobs import instant
from storage.entries import OPERATOR_SPOOL, payloads, writing
from storage.pg.connect import connect
from storage.pg.made import Made, made_up_to

SOURCE = "operator"
LONGEST_US = 366 * DAY_US
"""A reason for more than a year is a mistyped date."""
_TEXT = 200
"""Characters of a name or note: a line on a board."""
_PREFIX = 4
"""So many digits of an id are enough to name an entry, if no other begins with them."""

MadeUpTo = Callable[[Machine, int, str], Made]
"""What is known to be made in the shift of an instant up to it, of the named program or (empty) the selected one."""


@dataclass(frozen=True)
class Done:
    """What became of it: the entry as it stands, and whether it is new."""

    entry: Entry
    new: bool


@dataclass(frozen=True)
class Correction:
    """What a reason is to be instead; empty: as it was."""

    since: str = ""
    until: str = ""
    reason: str = ""
    note: str = ""


class Operator:
    """Takes what people tell of a plant into the spool of a data directory.

    `now_us` is the plant's clock; the past is folded again from `kept_us` on.
    """

    def __init__(self, plant: Plant, directory: Path, now_us: int, kept_us: int = 0) -> None:
        self.plant, self._now_us, self._kept_us = plant, now_us, kept_us
        self._path = directory / "spool" / OPERATOR_SPOOL

    def entries(self) -> list[Entry]:
        """Everything that was ever told here, oldest first."""
        return [unpack_entry(payload) for kind, payload in payloads(self._path) if kind == RowKind.OPERATOR]

    def zone(self, machine: str) -> ZoneInfo:
        """The zone of a machine's site; UTC for one that the plant file has no more."""
        at = self.plant.machine_index.get(machine)
        return ZoneInfo("UTC" if at is None else self.plant.sites[self.plant.machines[at].site].zone)

    def add_reason(self, machine: str, since: str, until: str, code: str, author: str, note: str = "") -> Done:
        """A reason for [since, until) of a machine."""
        return self._told(lambda _: self._reason(machine, since, until, code, author, note))

    def add_scrap(
        self, machine: str, at: str, parts: int, program: str, author: str, note: str, made: MadeUpTo
    ) -> Done:
        """So many of the parts that were made up to `at` in its shift were no good."""
        found = self._machine(machine)
        at_us = self._time(found, at, "--at")
        if not 1 <= parts <= MOST_PARTS:
            raise InputError(f"--parts {parts}: must be from 1 to {MOST_PARTS}")
        told = Entry("", SCRAP, machine, at_us, at_us + 1, _text(author, "--author", required=True), self._now_us)
        known = made(found, at_us, _text(program, "--program"))
        told = replace(told, parts=parts, program=known.program, note=_text(note, "--note"))
        return self._told(lambda before: self._within(told, known, before))

    def take_back(self, entry_id: str, author: str, note: str = "") -> Done:
        """An entry holds no more; it stays readable."""
        name = _text(author, "--author", required=True)
        why = _text(note, "--note")
        return self._told(lambda before: taken_back(_named(entry_id, before), name, self._now_us, why))

    def correct(self, entry_id: str, author: str, wanted: Correction) -> Done:
        """A reason is taken back and told anew, in one transaction; raises if nothing would be different."""
        name = _text(author, "--author", required=True)

        def anew(before: Sequence[Entry]) -> tuple[Entry, Entry]:
            old = _named(entry_id, before)
            if old.kind != REASON:
                raise InputError(f"{entry_id}: is scrap; take it back and enter it anew")
            machine = self._machine(old.machine)
            code = self._code(wanted.reason) if wanted.reason else (old.reason, old.reason_class)
            new = replace(
                old,
                id="",
                author=name,
                entered_us=self._now_us,
                from_us=self._time(machine, wanted.since, "--from") if wanted.since else old.from_us,
                to_us=self._time(machine, wanted.until, "--to") if wanted.until else old.to_us,
                reason=code[0],
                reason_class=code[1],
                note=_text(wanted.note, "--note") or old.note,
            )
            _check_stretch(new.from_us, new.to_us)
            same = ("from_us", "to_us", "reason", "note")
            if all(getattr(new, field) == getattr(old, field) for field in same):
                raise InputError(f"{entry_id}: nothing of it would be different")
            return taken_back(old, name, self._now_us, "corrected"), new

        return self._told(anew)

    def _told(self, wanted: Callable[[Sequence[Entry]], Entry | tuple[Entry, ...]]) -> Done:
        """Write what follows from what stands there, unless it stands there already."""
        with writing(self._path) as spool:
            before = self.entries()
            made = wanted(before)
            for entry in made if isinstance(made, tuple) else (made,):
                done = identified(entry, before)
                new = all(other.id != done.id for other in before)
                if new:
                    self._check_kept(done)
                    row = SpoolRow(RowKind.OPERATOR, SOURCE, self.plant.hash, self._now_us, pack_entry(done))
                    spool.add(row)
                    before.append(done)
            return Done(next(entry for entry in before if entry.id == done.id), new)

    def _check_kept(self, entry: Entry) -> None:
        """What changes figures must lie in the past that can be folded again; other reasons only stand beside it."""
        folds = entry.kind == SCRAP or entry.reason_class == ReasonClass.REPAIR
        if folds and entry.from_us < self._kept_us:
            raise InputError(
                f"{entry.machine}: minutes and samples are kept from {datetime_from_us(self._kept_us):%Y-%m-%d %H:%M}"
                " UTC on only, so that scrap and repairs of before cannot change a figure; other reasons can be told"
            )

    def _reason(self, machine: str, since: str, until: str, code: str, author: str, note: str) -> Entry:
        found = self._machine(machine)
        from_us, to_us = self._time(found, since, "--from"), self._time(found, until, "--to")
        _check_stretch(from_us, to_us)
        reason, kind = self._code(code)
        name = _text(author, "--author", required=True)
        told = Entry("", REASON, machine, from_us, to_us, name, self._now_us, reason, kind)
        return replace(told, note=_text(note, "--note"))

    def _within(self, told: Entry, made: Made, before: Sequence[Entry]) -> Entry:
        """The scrap entry, if so many parts were made beside what was told to be scrap already."""
        if identified(told, before).id in {entry.id for entry in before}:
            return told
        already = sum(
            entry.parts
            for entry in in_effect(before)
            if (entry.kind, entry.machine, entry.program) == (SCRAP, told.machine, told.program)
            and made.from_us <= entry.from_us < made.to_us
        )
        if told.parts + already > made.parts:
            of = f" of {told.program}" if told.program else ""
            raise InputError(
                f"--parts {told.parts}: {told.machine} is known to have made {made.parts} good parts{of} in that shift "
                f"up to then, and {already} are told to be scrap already; nothing was entered"
            )
        return told

    def _machine(self, name: str) -> Machine:
        if name not in self.plant.machine_index:
            near = hint(name, self.plant.machine_index)
            raise InputError(f"--machine {name}: the plant file has no such machine{near}")
        return self.plant.machines[self.plant.machine_index[name]]

    def _code(self, code: str) -> tuple[str, str]:
        reason = reason_named(self.plant.reasons, code)
        if reason is None:
            codes = [known.code for known in self.plant.reasons]
            raise InputError(
                f"--reason {code}: the catalogue has no such reason{hint(code, codes)}; `stanok reason codes` lists it"
            )
        return reason.code, str(reason.kind)

    def _time(self, machine: Machine, text: str, option: str) -> int:
        at_us = instant(text, self.zone(machine.name), option)
        if at_us > self._now_us:
            raise InputError(f"{option} {text}: is in the future of the plant's clock; tell it when it has been")
        return at_us


def known_from(dsn: str, plant: Plant) -> MadeUpTo:
    """What a database knows of parts made."""

    def made(machine: Machine, at_us: int, program: str) -> Made:
        with connect(dsn, "stanok scrap") as connection:
            return made_up_to(connection, plant, plant.machine_index[machine.name], at_us, program)

    return made


def lines(operator: Operator, machine: str = "", everything: bool = False) -> Iterator[str]:
    """The history as lines for a terminal; only what is in effect unless `everything`."""
    entries = operator.entries()
    held = {entry.id for entry in in_effect(entries)}
    for entry in entries:
        if (machine and entry.machine != machine) or not (everything or entry.id in held):
            continue
        zone = operator.zone(entry.machine)
        since, until, entered = (
            datetime_from_us(us).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            for us in (entry.from_us, entry.to_us, entry.entered_us)
        )
        what = f"{since} to {until}: {entry.reason}" if entry.kind == REASON else f"{since}: {entry.parts} scrap"
        of = f" of {entry.program}" if entry.program else ""
        back = f" takes back {entry.takes_back}" if entry.takes_back else ""
        gone = "" if entry.id in held or entry.takes_back else " (taken back)"
        note = f" · {entry.note}" if entry.note else ""
        yield f"{entry.id}{back}{gone} {entry.machine} {what}{of} · {entry.author}, {entered}{note}"


def _check_stretch(from_us: int, to_us: int) -> None:
    if from_us >= to_us:
        raise InputError("--from is not before --to")
    if to_us - from_us > LONGEST_US:
        raise InputError("--from to --to is more than a year; is the date right?")


def _named(entry_id: str, entries: Sequence[Entry]) -> Entry:
    """The entry in effect of that id, or of one that begins so."""
    found = [entry for entry in entries if entry.id.startswith(entry_id) and not entry.takes_back]
    if len(entry_id) < _PREFIX or not found:
        raise InputError(f"{entry_id}: there is no such entry; `stanok reason list` shows them with their ids")
    held = in_effect(entries)
    if len(found) > 1:
        raise InputError(f"{entry_id}: {len(found)} entries begin so; give more of its digits")
    if found[0] not in held:
        back = next(entry for entry in entries if entry.takes_back == found[0].id)
        raise InputError(
            f"{entry_id}: was taken back already by {back.author}; `stanok reason list` shows what holds now"
        )
    return found[0]


def _text(text: str, option: str, *, required: bool = False) -> str:
    """A name or note that a board can show in one line."""
    found = text.strip()
    if required and not found:
        raise InputError(f"{option}: must not be empty; the entry says who told it")
    if len(found) > _TEXT or not found.isprintable():
        raise InputError(f"{option} {shown(found)}: must be one line of at most {_TEXT} characters")
    return found
