"""The central property: stream == batch == oracle, to the microsecond and to the piece, however the input is cut."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine.fold import Fold
from core.engine.gaps import GapRecord, Gaps
from core.engine.stream import Stream
from core.errors import BrokenPromise
from core.facts.identity import check_minutes
from core.facts.rollup import summed
from core.facts.schema import BY_SPEED, FACT, FACT_KEYS, LOAD_COLUMNS, MEASURES, OPEN_END, UNSEEN, Changes
from core.kpi.oee import PBT_COLUMNS
from core.plant.lanes import lanes_of
from core.plant.model import Plant
from core.samples.batch import BatchBuilder
from core.samples.order import Columns, columns_of, fold_order, gap_edges, joined
from core.samples.records import (
    Gap,
    Heartbeat,
    RowKind,
    StoredRow,
    Tick,
    pack_gap,
    pack_heartbeat,
    pack_samples,
    pack_tick,
)
from core.units import MINUTE_US, SECOND_US, natural_id
from core.vocabulary import AlarmClass, Cause, CounterEvent, Flag, Quality, State, meaning, word_code
from tests.oracle import naive_oee
from tests.properties.scenes import (
    ABSENT,
    BEGIN,
    BEHAVIOURS,
    EXAMPLES,
    NAMED,
    SPAN,
    Happening,
    oracle_segments,
    plant,
    scenes,
    standards,
    tables_of,
    ways,
)

END = BEGIN + SPAN
COUNTERS = st.sampled_from([("part.total", "part.scrap"), ("part.total", "part.good"), ("part.total",), ("part.good",)])


def numeric(happening: Happening) -> float:
    """The engine's number for the oracle's value."""
    found = meaning(happening.what)
    assert found is not None
    if found.kind == "word":
        assert found.words is not None
        return float(word_code(found.words, str(happening.value)))
    if happening.what == "alarm.edge":
        return float(happening.value[1])
    return float("nan") if found.kind == "text" else float(happening.value)


def text_of(happening: Happening) -> str | None:
    if happening.what == "alarm.edge":
        return happening.value[0]
    return str(happening.value) if happening.what in NAMED else None


def raw_of(happening: Happening) -> int:
    named = happening.what == "alarm.edge" and happening.value[2]
    return int(AlarmClass[named.upper()]) if named else -1


def batch_of(happenings: list[Happening], where: Plant, machine: int = 0):
    builder = BatchBuilder()
    for h in happenings:
        builder.add(
            machine=machine,
            signal=where.signal_index[h.what],
            event_us=h.event_us,
            received_us=h.event_us,
            value=numeric(h),
            text=text_of(h),
            raw=raw_of(h),
            quality=Quality[h.quality.upper()],
            flags=Flag.RESET if h.reset else 0,
            seq=h.seq,
        )
    return builder.build()


def gap_records(happenings: list[Happening]) -> list[GapRecord]:
    """The pairs of gap edges of a scene, by source."""
    edges = sorted((h for h in happenings if h.what in ("gap+", "gap-")), key=lambda h: h.source)
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [GapRecord(a.source, a.event_us, b.event_us, Cause.SILENT) for a, b in pairs]


def columns(happenings: list[Happening], fold: Fold, where: Plant) -> Columns:
    """A scene as the fold takes it, with the edges of its gaps."""
    samples = [h for h in happenings if h.what not in ("gap+", "gap-")]
    found = columns_of(batch_of(samples, where), fold.tables(END)) if samples else Columns.empty()
    gaps = Gaps.of(gap_records(happenings), lanes_of(where))
    return fold_order(found, gaps.effect_us(found), gaps.edges(np.array([0]), np.array([END])))


def expected(happenings: list[Happening], where: Plant, until: int = END, entries: list | None = None):
    """What the oracle says, in the engine's words."""
    known = ways(where)
    samples = [
        (
            h.event_us,
            h.rank,
            (h.source if h.what[:3] == "gap" else known.source_of(h.what), h.seq),
            h.what,
            (h.value, h.source)
            if h.what[:3] == "gap"
            else (natural_id(NAMED[h.what], h.value) if h.value else 0)
            if h.what in NAMED
            else h.value,
            h.quality,
            {"reset"} if h.reset else set(),
        )
        for h in happenings
    ]
    samples += naive_oee.told(entries or [], BEGIN)
    segments = oracle_segments(where.sites[0])
    facts, intervals, events, doubts = naive_oee.fold(samples, BEGIN, until, segments, standards(), known)
    named = [(a, b, State[s.upper()], Cause[c.upper()], rule) for a, b, s, c, rule in intervals]
    kinds = ("total", "good", "scrap")
    noted = sorted((kinds.index(k), CounterEvent[what.upper()], *rest) for k, what, *rest in events)
    lasting = [[-1 if value is None else value for value in doubt] for doubt in doubts]
    places = {"unseen": UNSEEN, "by_speed": BY_SPEED, **{kind: place for place, kind in enumerate(kinds)}}
    return facts, named, noted, sorted((places[k], Cause[cause.upper()], *rest) for k, cause, *rest in lasting)


def doubts_of(rows) -> list[tuple[int, ...]]:
    """Count gaps as the oracle tells them."""
    return sorted(tuple(row.tolist())[1:] for row in rows)


def facts_of(rows) -> dict[tuple[int, int, int, int], dict[str, int]]:
    out = {}
    for row in summed(rows):
        key = tuple(int(row[name]) for name in FACT_KEYS)
        out[key[1:]] = {name: int(row[name]) for name in MEASURES if row[name]}
    return {key: row for key, row in out.items() if row}


def intervals_of(rows) -> list[tuple[int, int, int, int, int]]:
    names = ("from_us", "to_us", "state", "cause", "rule")
    found = sorted(tuple(int(row[name]) for name in names) for row in rows)
    return [(a, END if b == OPEN_END else b, s, c, r) for a, b, s, c, r in found if b == OPEN_END or b > a]


@st.composite
def with_gaps(draw: st.DrawFn) -> list[Happening]:
    """A scene with up to two gaps; edges come as the engine makes them, in pairs."""
    happenings = draw(scenes())
    instants = st.integers(0, SPAN - 1) | st.sampled_from([h.event_us - BEGIN for h in happenings] or [0])
    at = sorted(draw(st.sets(instants, max_size=4)))
    for number, (start, end) in enumerate(zip(at[::2], at[1::2], strict=False)):
        happenings.append(Happening(BEGIN + start, 1000 + 2 * number, "gap+", "silent", "good"))
        happenings.append(Happening(BEGIN + end, 1001 + 2 * number, "gap-", "silent", "good"))
    return sorted(happenings, key=lambda h: (h.event_us, h.rank, h.seq))


@settings(max_examples=EXAMPLES, deadline=None)
@given(with_gaps(), COUNTERS, BEHAVIOURS, ABSENT, st.lists(st.integers(0, 50), max_size=6))
def test_the_fold_equals_the_oracle_however_it_is_cut(happenings, counters, behaviour, without, cuts):
    where = plant(1, counters, behaviour, without)
    happenings = [h for h in happenings if h.what in where.signal_index or h.what.startswith("gap")]
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    everything = columns(happenings, fold, where)
    everything = joined(everything, fold.words(everything, np.array([END]))[0])
    edges = [0, *sorted(min(cut, len(everything)) for cut in cuts), len(everything)]
    for first, last in pairwise(edges):
        fold.fold(everything.take(np.arange(first, last)))
    fold.advance(np.array([0]), np.array([END]))
    settled = fold.take()
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    facts, intervals, events, doubts = expected(happenings, where)
    assert doubts_of([*settled.count_gaps, *shown.count_gaps]) == doubts
    assert facts_of(np.concatenate([settled.facts, shown.facts])) == facts
    assert sorted(tuple(row)[1:] for row in settled.counter_events.tolist()) == events
    assert intervals_of(np.concatenate([settled.intervals, shown.intervals])) == intervals


def test_parts_after_an_announced_reset_may_be_those_of_the_program_before():
    where = plant(1)
    happenings = [
        Happening(BEGIN + MINUTE_US, 0, "part.total", 28, "good"),
        Happening(BEGIN + 2 * MINUTE_US, 1, "prog.name", "A-1", "good"),
        Happening(BEGIN + 9 * MINUTE_US, 2, "part.total", 29, "good", reset=True),
    ]
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    fold.fold(columns(happenings, fold, where))
    fold.advance(np.array([0]), np.array([END]))
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    found = doubts_of([*fold.take().count_gaps, *shown.count_gaps])
    assert found == expected(happenings, where)[3]
    assert Cause.PROGRAM_CHANGED in {doubt[1] for doubt in found}


@settings(max_examples=EXAMPLES, deadline=None)
@given(with_gaps(), BEHAVIOURS)
def test_every_closed_minute_sums_to_sixty_million_and_planned_busy_time_to_its_parts(happenings, behaviour):
    where = plant(1, behaviour=behaviour)
    fold = Fold(where, tables_of(where), checked=True)
    fold.begin(0, BEGIN)
    fold.fold(columns([h for h in happenings if h.what in where.signal_index or h.what.startswith("gap")], fold, where))
    fold.advance(np.array([0]), np.array([END]))
    rows = summed(fold.take().facts, ("machine", "minute_us"))
    assert len(rows) == SPAN // MINUTE_US
    check_minutes(rows)
    busy = {end: sum(stop - start for start, stop in busy_between(where, end)) for end in rows["minute_us"].tolist()}
    for row in rows:
        planned_busy = sum(int(row[name]) for name in PBT_COLUMNS)
        assert planned_busy == busy[int(row["minute_us"])] - row["planned_state"]
        known = planned_busy - row["unknown"]
        assert 0 <= row["in_cut_us"] + row["air_cut_us"] <= row["spindle_turning_us"] <= known
        assert max(row[name] for name in ("powered_us", "program_running_us", "feed_hold_us")) <= known
        assert 0 <= row["spindle_load_us"] <= row["spindle_turning_us"]
        assert sum(int(row[name]) for name in LOAD_COLUMNS) == row["spindle_load_us"]


def busy_between(where: Plant, minute_us: int) -> list[tuple[int, int]]:
    """The calendar's busy stretches inside a minute."""
    found = [(a, b) for a, b, situation, _ in oracle_segments(where.sites[0]) if situation == "busy"]
    cut = [(max(a, minute_us), min(b, minute_us + MINUTE_US)) for a, b in found]
    return [(a, b) for a, b in cut if a < b]


def test_a_minute_that_does_not_add_up_is_a_broken_promise():
    minute = np.zeros(1, FACT)
    minute["apt"] = MINUTE_US - 1
    with pytest.raises(BrokenPromise, match="sums to 59999999"):
        check_minutes(minute)


class Tables:
    """The database's tails in a few dictionaries: what commits leave behind."""

    def __init__(self) -> None:
        self.facts: dict[int, list] = {}
        self.intervals: dict[int, list] = {}

    def store(self, changes: Changes) -> None:
        self._replace(self.facts, changes.facts, "minute_us", changes.facts_from)
        self._replace(self.intervals, changes.intervals, "from_us", changes.intervals_from)

    @staticmethod
    def _replace(table, rows, column, since) -> None:
        for machine, from_us in since.items():
            kept = [row for row in table.get(machine, []) if row[column] < from_us]
            fresh = [row for row in rows if row["machine"] == machine]
            assert all(row[column] >= from_us for row in fresh), "a row before the replaced tail"
            table[machine] = kept + fresh


def row(record: int, kind: RowKind, payload: bytes, where: Plant) -> StoredRow:
    return StoredRow(record, kind, "src", where.hash, 0, payload)


def played(happenings: list[Happening], where: Plant, rng: random.Random, after_us: int = 2 * SECOND_US) -> Tables:
    """Through the whole stream: samples in disorder below the lateness, cut at random, heartbeats and ticks between."""
    stream, tables = Stream(where, ["spool", "own"]), Tables()
    stream.fold = Fold(where, tables_of(where))
    rows = [row(0, RowKind.HEARTBEAT, pack_heartbeat(Heartbeat(np.array([0], "i4"), np.array([BEGIN], "i8"))), where)]
    arriving = sorted(
        (h for h in happenings if not h.what.startswith("gap")),
        key=lambda h: h.event_us + rng.randrange(2 * SECOND_US),
    )
    while arriving:
        size = rng.randrange(1, 6)
        rows.append(row(0, RowKind.SAMPLES, pack_samples(batch_of(arriving[:size], where)), where))
        arriving = arriving[size:]
    after = np.array([END + after_us], "i8")
    rows.append(row(0, RowKind.HEARTBEAT, pack_heartbeat(Heartbeat(np.array([0], "i4"), after)), where))
    for number, found in enumerate(rows, 1):
        stream.take_row("spool", StoredRow(number, found.kind, "src", where.hash, 0, found.payload), 1.0)
        if rng.random() < 0.4:
            tables.store(stream.collect(1.0))
    tables.store(stream.collect(1.0))
    return tables


@settings(max_examples=EXAMPLES, deadline=None)
@given(scenes(), st.integers(0, 2**32))
def test_stream_equals_oracle_under_disorder_and_any_batching(happenings, seed):
    where = plant(1)
    happenings = [h for h in happenings if h.what in where.signal_index]
    tables = played(happenings, where, random.Random(seed))
    facts, intervals, _, _ = expected(happenings, where)
    found = facts_of(np.array([r for r in tables.facts[0] if r["minute_us"] < END]))
    assert found == facts
    clipped = [(a, min(b, END), s, c, r) for a, b, s, c, r in intervals_of(np.array(tables.intervals[0])) if a < END]
    assert clipped == intervals


def test_a_silent_source_is_judged_from_its_last_proof_of_life_and_closed_at_the_next():
    where = plant(1)
    stream, tables = Stream(where, ["spool", "own"]), Tables()

    def beat(record: int, at_us: int) -> StoredRow:
        found = Heartbeat(np.array([0], "i4"), np.array([at_us], "i8"))
        return row(record, RowKind.HEARTBEAT, pack_heartbeat(found), where)

    def tick(record: int, at_us: int) -> StoredRow:
        return row(record, RowKind.TICK, pack_tick(Tick(at_us)), where)

    active = batch_of([Happening(BEGIN + 1, 0, "ctrl.execution", "active", "good")], where)
    stream.take_row("spool", row(1, RowKind.SAMPLES, pack_samples(active), where), 1.0)
    stream.take_row("spool", beat(2, BEGIN + 30 * SECOND_US), 1.0)
    stream.take_row("own", tick(1, BEGIN + 38 * SECOND_US), 1.0)
    assert stream.judgements(0) == []
    stream.take_row("own", tick(2, BEGIN + 40 * SECOND_US), 1.0)
    (opened,) = stream.judgements(0)
    stream.take_row("own", StoredRow(3, opened.kind, "src", where.hash, 0, opened.payload), 1.0)
    stream.take_row("own", tick(4, BEGIN + 200 * SECOND_US), 1.0)
    tables.store(stream.collect(1.0))
    stream.take_row("spool", beat(3, BEGIN + 240 * SECOND_US), 1.0)
    (closed,) = stream.judgements(0)
    stream.take_row("own", StoredRow(5, closed.kind, "src", where.hash, 0, closed.payload), 1.0)
    stream.take_row("spool", beat(4, BEGIN + 300 * SECOND_US), 1.0)
    tables.store(stream.collect(1.0))
    unknown = [(r["from_us"] - BEGIN, r["to_us"] - BEGIN) for r in tables.intervals[0] if r["state"] == State.UNKNOWN]
    assert unknown == [(0, 1), (30 * SECOND_US, 240 * SECOND_US)]


def test_a_gap_pair_of_a_collector_makes_unknown_time_and_books_its_parts_apart():
    where = plant(1)
    stream, tables = Stream(where, ["spool", "own"]), Tables()
    first = [
        Happening(BEGIN, 0, "ctrl.execution", "active", "good"),
        Happening(BEGIN, 1, "prog.name", "A-1", "good"),
        Happening(BEGIN, 2, "part.total", 10, "good"),
        Happening(BEGIN + 10 * SECOND_US, 3, "part.total", 11, "good"),
    ]
    second = [Happening(BEGIN + 100 * SECOND_US, 4, "part.total", 14, "good")]
    opened = Gap(True, BEGIN + 20 * SECOND_US, Cause.RESTART, (0,))
    closed = Gap(False, BEGIN + 80 * SECOND_US, Cause.RESTART, (0,))
    beat = Heartbeat(np.array([0], "i4"), np.array([BEGIN + 180 * SECOND_US], "i8"))
    rows = [
        (RowKind.SAMPLES, pack_samples(batch_of(first, where))),
        (RowKind.GAP, pack_gap(opened)),
        (RowKind.GAP, pack_gap(closed)),
        (RowKind.SAMPLES, pack_samples(batch_of(second, where))),
        (RowKind.HEARTBEAT, pack_heartbeat(beat)),
    ]
    credits = []
    for number, (kind, payload) in enumerate(rows, 1):
        stream.take_row("spool", row(number, kind, payload, where), 1.0)
        changes = stream.collect(1.0)
        tables.store(changes)
        credits += changes.gap_credits.tolist()
    facts = facts_of(np.array(tables.facts[0]))
    total = {name: sum(r.get(name, 0) for r in facts.values()) for name in MEASURES}
    assert total["unknown"] + total["unknown_out"] == 60 * SECOND_US
    assert (total["parts_total"], total["credit_good_us"], total["credit_gap_good_us"]) == (4, 61_000_000, 183_000_000)
    assert credits == [(0, BEGIN + 20 * SECOND_US, 183_000_000, 183_000_000, 3, BEGIN + 100 * SECOND_US, 0)]


def test_a_retained_counter_after_a_gap_swallows_no_parts():
    where = plant(1)
    fold = Fold(where)
    fold.begin(0, BEGIN)
    counts = [Happening(BEGIN + at * SECOND_US, at, "part.total", n, "good") for at, n in ((1, 10), (61, 14), (62, 15))]
    first, retained, live = (columns([count], fold, where) for count in counts)
    flags = np.array([Flag.RETAINED | Flag.INITIAL], "u2")
    gap = [gap_edges([0], [BEGIN + at * SECOND_US], at == 30, Cause.RESTART, 0) for at in (30, 60)]
    fold.fold(Columns.concat([first, *gap, replace(retained, flags=flags), live]))
    fold.advance(np.array([0]), np.array([END]))
    out = fold.take()
    assert int(out.facts["parts_total"].sum()) == 5
    assert out.credits["parts"].tolist() == [5]


def test_a_late_sample_is_stored_and_asks_for_a_repair_and_holds_from_the_frontier_on_until_then():
    where = plant(1)
    stream = Stream(where, ["spool", "own"])
    now = batch_of([Happening(BEGIN + 60 * SECOND_US, 0, "ctrl.execution", "active", "good")], where)
    old = batch_of([Happening(BEGIN + 30 * SECOND_US, 1, "ctrl.estop", True, "good")], where)
    beat = Heartbeat(np.array([0], "i4"), np.array([BEGIN + 90 * SECOND_US], "i8"))
    stream.take_row("spool", row(1, RowKind.SAMPLES, pack_samples(now), where), 1.0)
    stream.take_row("spool", row(2, RowKind.HEARTBEAT, pack_heartbeat(beat), where), 1.0)
    assert stream.collect(1.0).live[0].state == State.PRODUCING
    stream.take_row("spool", row(3, RowKind.SAMPLES, pack_samples(old), where), 1.0)
    changes = stream.collect(1.0)
    assert len(changes.raw.batch) == 1
    assert [(late.machine, late.from_us, late.to_us) for late in changes.late] == [
        (0, BEGIN, BEGIN + 88 * SECOND_US)  # it was heard before the first contact: the machine begins earlier
    ]
    assert (changes.live[0].cause, changes.live[0].since_us) == (Cause.ESTOP, BEGIN + 88 * SECOND_US)
