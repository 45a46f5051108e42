"""Edges of gaps, calendar and damage that meet in one instant or one row: nothing is swallowed, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.engine.fold import Fold
from core.engine.stream import Stream
from core.plant.model import Plant
from core.samples.order import Columns
from core.samples.records import (
    Gap,
    Heartbeat,
    Quarantine,
    RowKind,
    StoredRow,
    Tick,
    pack_gap,
    pack_heartbeat,
    pack_quarantine,
    pack_samples,
    pack_tick,
)
from core.units import DAY_US, MINUTE_US, SECOND_US, datetime_from_us
from core.vocabulary import Cause, Flag, State
from tests.properties.scenes import BEGIN, SPAN, Happening, plant
from tests.properties.test_stream_equals_oracle import Tables, batch_of, columns, expected, facts_of


class Play:
    """A stream of one machine and what its commits leave behind; times in seconds from BEGIN."""

    def __init__(self, where: Plant | None = None) -> None:
        self.where = where or plant(1)
        self.stream, self.tables = Stream(self.where, ["spool", "own"]), Tables()
        self.record = 0

    def take(self, kind: RowKind, payload: bytes, received_us: int = 0) -> None:
        self.record += 1
        spool = "own" if kind is RowKind.TICK else "spool"
        row = StoredRow(self.record, kind, "src", self.where.hash, received_us, payload)
        self.stream.take_row(spool, row, 1.0)
        for judged in self.stream.judgements(0):
            self.take(judged.kind, judged.payload)

    def active(self, at_s: int, flags: int = 0) -> None:
        batch = batch_of([Happening(BEGIN + at_s * SECOND_US, 0, "ctrl.execution", "active", "good")], self.where)
        self.take(RowKind.SAMPLES, pack_samples(replace(batch, flags=batch.flags | np.uint16(flags))))

    def beat(self, at_s: int) -> None:
        beat = Heartbeat(np.array([0], "i4"), np.array([BEGIN + at_s * SECOND_US], "i8"))
        self.take(RowKind.HEARTBEAT, pack_heartbeat(beat))

    def gap(self, opened: bool, at_s: int) -> None:
        self.take(RowKind.GAP, pack_gap(Gap(opened, BEGIN + at_s * SECOND_US, Cause.RESTART, (0,))))

    def tick(self, at_s: int) -> None:
        self.take(RowKind.TICK, pack_tick(Tick(BEGIN + at_s * SECOND_US)))

    def collect(self):
        changes = self.stream.collect(1.0)
        self.tables.store(changes)
        return changes

    def unknown(self) -> list[tuple[float, float | None]]:
        rows = [row for row in self.tables.intervals[0] if row["state"] == State.UNKNOWN]
        spans = [((int(r["from_us"]) - BEGIN) / SECOND_US, int(r["to_us"])) for r in rows]
        return [(start, (end - BEGIN) / SECOND_US if end >= 0 else None) for start, end in spans]


def test_a_machine_of_which_only_a_retained_message_is_known_is_unknown_and_stays_so():
    play = Play()
    play.active(20, Flag.RETAINED)
    for at_s in range(30, 400, 2):
        play.tick(at_s)
        play.collect()
    assert play.unknown() == [(0, 20), (20, None)]


def test_a_gap_said_to_begin_before_the_end_of_the_last_one_follows_it():
    play = Play()
    play.active(0)
    play.beat(100)
    play.collect()
    for opened, at_s in ((True, 100), (False, 200), (True, 199), (False, 300)):
        play.gap(opened, at_s)
    play.beat(310)
    play.collect()
    assert play.unknown() == [(100, 300)]


def test_a_gap_said_to_begin_before_the_first_contact_follows_it():
    play = Play()
    play.active(33)
    play.gap(True, 32)
    play.tick(200)
    play.collect()
    assert play.unknown() == [(0, 33), (33, None)]


def test_a_long_leap_hands_over_every_shift_that_its_facts_name():
    play = Play()
    play.active(0)
    play.beat(60)
    known = {shift.id for shift in play.collect().shifts}
    play.gap(True, 60)
    play.gap(False, 5 * DAY_US // SECOND_US)
    play.beat(5 * DAY_US // SECOND_US + 10)
    known |= {shift.id for shift in play.collect().shifts}
    assert {int(row["shift"]) for row in play.tables.facts[0]} - {0} <= known


def test_a_part_and_a_program_at_the_very_end_of_a_shift_belong_to_what_follows_it():
    where, end = plant(1, ("part.total",)), BEGIN + 9 * MINUTE_US
    happenings = [
        Happening(BEGIN, 0, "ctrl.execution", "active", "good"),
        Happening(BEGIN, 1, "prog.name", "A-1", "good"),
        Happening(BEGIN, 2, "part.total", 1, "good"),
        Happening(end, 3, "part.total", 2, "good"),
        Happening(end, 4, "prog.name", "B-2", "good"),
    ]
    happenings.sort(key=lambda h: (h.event_us, h.rank, h.seq))
    fold = Fold(where)
    fold.begin(0, BEGIN)
    fold.fold(columns(happenings, fold, where))
    fold.advance(np.array([0]), np.array([BEGIN + SPAN]))
    rest = fold.shown(Columns.empty(), np.array([0]), np.array([BEGIN + SPAN]))[1]
    assert facts_of(np.concatenate([fold.take().facts, rest.facts])) == expected(happenings, where)[0]


@pytest.mark.parametrize(("told_s", "doubted"), [(0, False), (60, True)])
def test_a_program_that_is_told_with_a_count_leaves_no_doubt_of_what_was_made_before_it(
    told_s: int, doubted: bool
) -> None:
    where = plant(1, ("part.total",))
    happenings = [
        Happening(BEGIN, 0, "ctrl.execution", "active", "good"),
        Happening(BEGIN, 1, "part.total", 1, "good"),
        Happening(BEGIN + told_s * SECOND_US, 2, "prog.name", "A-1", "good"),
        Happening(BEGIN + 120 * SECOND_US, 3, "part.total", 3, "good"),
    ]
    happenings.sort(key=lambda h: (h.event_us, h.rank, h.seq))
    fold = Fold(where)
    fold.begin(0, BEGIN)
    fold.fold(columns(happenings, fold, where))
    found = [row["cause"] for row in fold.take().count_gaps if row["cause"] == Cause.PROGRAM_CHANGED]
    assert bool(found) is doubted


def test_the_time_of_a_damaged_row_is_one_that_can_be_stored():
    play = Play()
    play.tick(5)
    damaged = pack_quarantine(Quarantine("its checksum is wrong", "spool", -1, b""))
    for received_us in (1 << 61, -(1 << 61)):
        play.take(RowKind.QUARANTINE, damaged, received_us)
    times = [received_us for _, _, _, received_us, _ in play.collect().quarantine]
    assert [datetime_from_us(us) for us in times] == [datetime_from_us(BEGIN + 5 * SECOND_US)] * 2


def test_a_pair_without_length_ends_where_it_began() -> None:
    play = Play()
    play.active(1)
    play.beat(30)
    play.gap(True, 30)
    play.gap(False, 30)
    play.beat(90)
    changes = play.stream.collect(1.0)
    unknown = [row for row in changes.intervals if row["state"] == State.UNKNOWN and row["from_us"] > BEGIN]
    assert [(int(row["from_us"]), int(row["to_us"])) for row in unknown] == [
        (BEGIN + 30 * SECOND_US, BEGIN + 30 * SECOND_US + 1)
    ]
    assert changes.live[0].state == State.PRODUCING


@pytest.mark.parametrize("in_rows_apart", [False, True])
def test_a_count_that_moved_after_it_was_told_first_and_before_the_gap_ended_makes_no_part_more(
    in_rows_apart: bool,
) -> None:
    play = Play(plant(1, ("part.total",)))

    def count(*readings: tuple[float, int, int]) -> None:
        found = [
            Happening(BEGIN + int(at_s * SECOND_US), seq, "part.total", value, "good")
            for seq, (at_s, value, _) in enumerate(readings)
        ]
        batch = batch_of(found, play.where)
        flags = batch.flags | np.array([flag for _, _, flag in readings], "u2")
        received_us = np.full(len(found), BEGIN + 305 * SECOND_US, "i8")
        play.take(RowKind.SAMPLES, pack_samples(replace(batch, flags=flags, received_us=received_us)))

    play.active(0)
    count((10, 100, 0))
    play.beat(100)
    play.collect()
    play.gap(True, 100)
    play.gap(False, 300)
    told = (200, 103, int(Flag.INITIAL)), (290, 104, 0)
    for readings in [(reading,) for reading in told] if in_rows_apart else [told]:
        count(*readings)
    count((310, 105, 0))
    play.beat(400)
    play.collect()
    assert sum(int(row["parts_total"]) for row in play.tables.facts[0]) == 5


def test_a_silence_that_was_judged_before_the_end_of_its_gap_was_known_opens_nothing() -> None:
    play = Play()
    play.active(0)
    play.beat(100)
    play.gap(True, 100)
    play.gap(False, 300)
    play.take(RowKind.GAP, pack_gap(Gap(True, BEGIN + 100 * SECOND_US, Cause.SILENT, (0,))))
    play.beat(400)
    play.collect()
    assert [span for span in play.unknown() if span[0] > 0] == [(100, 300)]


def test_silences_that_were_judged_inside_a_gap_which_the_collector_tells_later_are_part_of_it() -> None:
    play = Play()
    play.active(0)
    play.beat(100)
    silent = Gap(True, BEGIN + 100 * SECOND_US, Cause.SILENT, (0,))
    play.take(RowKind.GAP, pack_gap(silent))
    play.take(RowKind.GAP, pack_gap(replace(silent, opened=False, at_us=BEGIN + 150 * SECOND_US, cause=Cause.NONE)))
    play.take(RowKind.GAP, pack_gap(replace(silent, at_us=BEGIN + 150 * SECOND_US)))
    play.collect()
    play.gap(True, 95)
    play.gap(False, 300)
    play.beat(310)
    play.collect()
    assert [span for span in play.unknown() if span[0] > 0] == [(95, 300)]
    gaps = play.stream.gaps.gaps()
    assert ((gaps.from_us[gaps.cause != Cause.NO_DATA_YET] - BEGIN) // SECOND_US).tolist() == [95]
