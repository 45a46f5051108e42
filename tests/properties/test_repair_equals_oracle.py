"""However late, doubled, cut, killed, repaired, upgraded: in the end the rows are the oracle's over all samples."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import repair, stream
from core.engine.gaps import OPEN
from core.samples.records import Gap, Heartbeat, RowKind, StoredRow, pack_gap, pack_heartbeat, pack_samples
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause
from tests.properties.kept import Kept
from tests.properties.scenes import BEGIN, LIVES, SPAN, Happening, plant, scenes
from tests.properties.test_stream_equals_oracle import (
    END,
    batch_of,
    doubts_of,
    expected,
    facts_of,
    intervals_of,
    with_gaps,
)


@pytest.fixture(autouse=True)
def _snapshots_at_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes last twelve minutes: with a minute for an hour, repairs meet snapshots again as they do in a plant."""
    monkeypatch.setattr(stream, "HOUR_US", MINUTE_US)
    monkeypatch.setattr(repair, "HOUR_US", MINUTE_US)


class Life:
    """One machine's stream with its spool; it may die after any commit, and late data may be folded in at any time."""

    def __init__(self, where, rng: random.Random) -> None:
        self.where, self.rng = where, rng
        self.kept, self.rows = Kept(where), []
        self.cursor = 0
        self.stream = self.kept.resumed(where, ["spool"])

    def send(self, kind: RowKind, payload: bytes, source: str = "src") -> None:
        self.rows.append(StoredRow(len(self.rows) + 1, kind, source, self.where.hash, BEGIN, payload))

    def live(self) -> None:
        """Take in all rows, with commits, deaths and repairs between them."""
        while self.cursor < len(self.rows):
            at = self.cursor
            for row in self.rows[at : at + self.rng.randrange(1, 5)]:
                self.stream.take_row("spool", row, 1.0)
                at = row.record
            if self.rng.random() < 0.2:  # killed before the commit: everything in memory is lost
                self.stream = self.kept.resumed(self.where, ["spool"])
                continue
            self.kept.store(self.stream.collect(1.0))
            self.cursor = at
            if self.rng.random() < 0.2:
                self.kept.repair(self.stream)
            if self.rng.random() < 0.2:
                if self.rng.random() < 0.3:
                    self.kept.upgrade(self.where, self.rng)
                self.stream = self.kept.resumed(self.where, ["spool"])

    def beat(self, at_us: int) -> None:
        found = Heartbeat(np.array([0], "i4"), np.array([at_us], "i8"))
        for source in self.where.sources:
            self.send(RowKind.HEARTBEAT, pack_heartbeat(found), source.name)

    def end(self) -> None:
        self.live()
        rounds = 0
        while self.kept.repair(self.stream):
            rounds += 1
            assert rounds < 5, "repairs ask for repairs"


def shuffled(happenings: list[Happening], rng: random.Random) -> list[Happening]:
    """Arrival: most in order, some late by anything up to the whole scene, some twice."""
    twice = [h for h in happenings for _ in range(rng.choice([1, 1, 1, 2]))]
    late = rng.choice([0, 3 * SECOND_US, 90 * SECOND_US, SPAN])
    return sorted(twice, key=lambda h: h.event_us + (rng.randrange(late + 1) if rng.random() < 0.5 else 0))


def split(happenings: list[Happening]) -> tuple[list[Happening], list[Happening]]:
    """Samples and edges of gaps."""
    return [h for h in happenings if h.what[:3] != "gap"], [h for h in happenings if h.what[:3] == "gap"]


def check(kept: Kept, happenings: list[Happening], where, entries: list | None = None) -> None:
    facts, intervals, events, doubts = expected(happenings, where, entries=entries)
    assert facts_of(np.array([r for r in kept.facts[0] if r["minute_us"] < END])) == facts
    noted = [tuple(row.tolist())[1:] for row in kept.counter_events.get(0, []) if row["at_us"] < END]
    assert sorted(noted) == events
    assert doubts_of(kept.count_gaps.get(0, [])) == doubts
    found = intervals_of(np.array(kept.intervals[0]))
    assert [(a, min(b, END), s, c, r) for a, b, s, c, r in found if a < END] == intervals


@settings(max_examples=LIVES, deadline=None)
@given(scenes(), st.integers(0, 2**32))
def test_late_samples_are_folded_in_whatever_happens_in_between(happenings, seed):
    where, rng = plant(1), random.Random(seed)
    happenings = [h for h in happenings if h.what in where.signal_index]
    life = Life(where, rng)
    life.beat(BEGIN)
    arriving = shuffled(happenings, rng)
    while arriving:
        size = rng.randrange(1, 6)
        life.send(RowKind.SAMPLES, pack_samples(batch_of(arriving[:size], where)))
        arriving = arriving[size:]
        if rng.random() < 0.3:  # time goes on past what is still to come
            life.beat(BEGIN + rng.randrange(SPAN))
    life.beat(END + 2 * SECOND_US)
    life.end()
    check(life.kept, happenings, where)


@settings(max_examples=LIVES, deadline=None)
@given(with_gaps(), st.integers(0, 2**32))
def test_gaps_told_at_any_time_end_as_if_they_had_been_told_in_order(happenings, seed):
    where, rng = plant(1), random.Random(seed)
    happenings = [h for h in happenings if h.what in where.signal_index or h.what.startswith("gap")]
    samples, edges = split(happenings)
    life = Life(where, rng)
    life.beat(BEGIN)
    pairs = [edges[at : at + 2] for at in range(0, len(edges), 2)]
    told = [(pair[1].event_us + rng.choice([0, 1, 30 * SECOND_US, SPAN]), pair) for pair in pairs]
    arriving = shuffled(samples, rng)
    for h in arriving:
        while told and told[0][0] <= h.event_us:
            tell(life, told.pop(0)[1])
        life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)))
        if rng.random() < 0.2:
            life.beat(min(h.event_us + rng.randrange(60 * SECOND_US), END))
    for _, pair in told:
        tell(life, pair)
    life.beat(END + 2 * SECOND_US)
    life.end()
    check(life.kept, happenings, where)


def test_what_was_taken_in_before_its_gap_was_told_takes_effect_where_the_gap_ends():
    where = plant(1)
    word = Happening(BEGIN + 3 * MINUTE_US, 1, "ctrl.execution", "active", "good")
    edges = [
        Happening(BEGIN + MINUTE_US, 2, "gap+", "silent", "good"),
        Happening(BEGIN + 5 * MINUTE_US, 3, "gap-", "silent", "good"),
    ]
    for seed in range(10):
        life = Life(where, random.Random(seed))
        life.beat(BEGIN)
        life.send(RowKind.SAMPLES, pack_samples(batch_of([word], where)))
        life.beat(edges[1].event_us - SECOND_US)
        life.live()
        tell(life, edges)
        life.live()
        life.kept.repair(life.stream)
        life.beat(END + 2 * SECOND_US)
        life.end()
        check(life.kept, [word, *edges], where)


def test_what_is_late_and_last_of_its_instant_counts_although_the_first_of_it_said_the_same():
    where, at = plant(1), BEGIN + MINUTE_US
    words = [
        Happening(at, seq, "ctrl.execution", word, "good") for seq, word in enumerate(("active", "ready", "active"))
    ]
    for seed in range(10):
        life = Life(where, random.Random(seed))
        life.beat(BEGIN)
        for word in words[:2]:
            life.send(RowKind.SAMPLES, pack_samples(batch_of([word], where)))
        life.beat(at + MINUTE_US)
        life.live()
        life.send(RowKind.SAMPLES, pack_samples(batch_of(words[2:], where)))
        life.beat(END + 2 * SECOND_US)
        life.end()
        check(life.kept, words, where)


def tell(life: Life, pair: list[Happening]) -> None:
    for h in pair:
        gap = Gap(h.what == "gap+", h.event_us, Cause.SILENT, (0,))
        life.send(RowKind.GAP, pack_gap(gap), life.where.sources[h.source].name)


@settings(max_examples=LIVES, deadline=None)
@given(with_gaps(), st.integers(0, 2**32))
def test_a_gap_that_a_sequence_proves_to_have_lost_nothing_leaves_no_trace(happenings, seed):
    where, rng = plant(1), random.Random(seed)
    samples, edges = split([h for h in happenings if h.what in where.signal_index or h.what.startswith("gap")])
    life = Life(where, rng)
    life.beat(BEGIN)
    for at in range(0, len(edges), 2):
        tell(life, edges[at : at + 2])
        life.beat(edges[at + 1].event_us)
    for h in samples:
        life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)))
    for at in range(0, len(edges), 2):
        proof = Gap(False, edges[at + 1].event_us, Cause.SILENT, (0,), True, edges[at].event_us)
        life.send(RowKind.GAP, pack_gap(proof))
    life.beat(END + 2 * SECOND_US)
    life.end()
    check(life.kept, samples, where)
    records = life.kept.gap_rows.get(0, [])
    assert len(records) == len(edges) // 2
    assert all(record.recovered and record.to_us != OPEN for record in records)


def test_a_repair_ends_where_the_state_is_again_what_it_was():
    where = plant(1)
    life = Life(where, random.Random(1))
    minutes = SPAN // MINUTE_US
    words = [
        Happening(BEGIN + at * MINUTE_US + MINUTE_US // 2, at, what, value, "good")
        for at in range(minutes)
        for what, value in (("ctrl.execution", ("active", "ready")[at % 2]), ("spindle.1.speed", 3000.0 * (at % 2)))
    ]
    late = Happening(BEGIN + 2 * MINUTE_US + 50 * SECOND_US, 99, "ctrl.execution", "stopped", "good")
    life.beat(BEGIN)
    for h in words:
        life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)))
    life.beat(END + 2 * SECOND_US)
    life.live()
    while life.kept.repair(life.stream):
        pass
    life.send(RowKind.SAMPLES, pack_samples(batch_of([late], where)))
    life.stream.take_row("spool", life.rows[-1], 1.0)
    life.kept.store(life.stream.collect(1.0))
    life.kept.asked = [(n, m, first, BEGIN + 3 * MINUTE_US) for n, m, first, _ in life.kept.asked]
    job = repair.RepairJob(where, life.kept, life.stream.begin_us)
    while job.hour(life.stream.settled):
        pass
    (found,) = job.finish(life.stream.settled)
    assert not found.repair.to_present
    assert (found.repair.from_us, found.repair.until_us) == (BEGIN + 2 * MINUTE_US, BEGIN + 4 * MINUTE_US)
    life.stream.adopt([found], job.upto)
    life.kept.store(life.stream.collect(1.0))
    check(life.kept, sorted([*words, late], key=lambda h: (h.event_us, h.rank, h.seq)), where)
