"""A machine with several sources: each has life and gaps of its own, and the rows are the oracle's however they mix."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import repair, stream
from core.engine.fold import Fold
from core.engine.stream import Stream
from core.facts.schema import MEASURES, NO_SOURCE
from core.plant.behaviour import USUAL, Behaviour
from core.plant.model import Feed, Plant, Source
from core.samples.order import Columns
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
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause, State
from tests.properties.kept import Kept
from tests.properties.scenes import (
    BEGIN,
    BEHAVIOURS,
    EXAMPLES,
    LIVES,
    SIGNALS,
    SPAN,
    Happening,
    plant,
    scenes,
    tables_of,
    ways,
)
from tests.properties.test_repair_equals_oracle import Life, check, shuffled, split, tell
from tests.properties.test_stream_equals_oracle import (
    COUNTERS,
    END,
    Tables,
    batch_of,
    columns,
    doubts_of,
    expected,
    facts_of,
    intervals_of,
)

COUNTERS_OF_THEIR_OWN = ("part.total", "part.good", "part.scrap")
CLAMP = ("spindle.1.load", "spindle.2.speed", "power.active", "energy.import")
LAMP = ("light.red", "light.yellow", "light.green", "light.blue", "conn.online")
SPLITS = {
    "counter": [COUNTERS_OF_THEIR_OWN],
    "clamp": [CLAMP],
    "lamp": [LAMP],
    "control last": [("part.total", "part.scrap", "spindle.1.speed", "spindle.1.rotating", "feed.1.rate")],
    "three": [COUNTERS_OF_THEIR_OWN, (*CLAMP, *LAMP)],
    "mixed": [SIGNALS[1::3], SIGNALS[2::3]],
}
"""What further sources give of a machine; the first one gives the rest, but for "control last" where it is the last."""


@cache
def shared(
    how: str,
    counters: tuple[str, ...] = ("part.total", "part.scrap"),
    behaviour: Behaviour = USUAL,
    meter: bool = False,
) -> Plant:
    """The plant of the scenes with the signals of its machine dealt out to two or three sources."""
    alone = plant(1, counters, behaviour, () if meter else ("energy.import",))
    machine = alone.machines[0]
    given = [[name for name in of if name in machine.signals] for of in SPLITS[how]]
    rest = [name for name in machine.signals if not any(name in of for of in given)]
    dealt = [*given, rest] if how == "control last" else [rest, *given]
    feeds = [Feed(rank, {name: {} for name in names}, {}) for rank, names in enumerate(dealt)]
    sources = tuple(Source(f"src{rank}", "mqtt", 2_000_000, {}) for rank in range(len(feeds)))
    first, *more = feeds
    return replace(alone, sources=sources, machines=(replace(machine, signals=first.signals, more=tuple(more)),))


@st.composite
def with_gaps(draw: st.DrawFn, sources: int = 3) -> list[Happening]:
    """A scene with up to two gaps of each source; they may overlap, and meet in one instant."""
    happenings = draw(scenes())
    moments = [h.event_us - BEGIN for h in happenings]
    instants = st.integers(0, SPAN - 1) | st.sampled_from(moments or [0]) | st.sampled_from([0, MINUTE_US, SPAN - 1])
    for source in range(sources):
        at = sorted(draw(st.sets(instants, max_size=4)))
        for number, (start, end) in enumerate(zip(at[::2], at[1::2], strict=False)):
            seq = 1000 + 10 * source + 2 * number
            happenings.append(Happening(BEGIN + start, seq, "gap+", "silent", "good", source=source))
            happenings.append(Happening(BEGIN + end, seq + 1, "gap-", "silent", "good", source=source))
    return sorted(happenings, key=lambda h: (h.event_us, h.rank, h.seq))


def known(happenings: list[Happening], where: Plant) -> list[Happening]:
    """What the plant's machine has signals and sources for."""
    sources = len(where.sources)
    return [h for h in happenings if h.what in where.signal_index or (h.what[:3] == "gap" and h.source < sources)]


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    with_gaps(),
    st.sampled_from(sorted(SPLITS)),
    COUNTERS,
    BEHAVIOURS,
    st.booleans(),
    st.lists(st.integers(0, 50), max_size=6),
)
def test_the_fold_of_several_sources_equals_the_oracle(happenings, how, counters, behaviour, meter, cuts):
    where = shared(how, counters, behaviour, meter)
    happenings = known(happenings, where)
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    everything = columns(happenings, fold, where)
    edges = [0, *sorted(min(cut, len(everything)) for cut in cuts), len(everything)]
    for first, last in pairwise(edges):
        fold.fold(everything.take(np.arange(first, last)))
    fold.advance(np.array([0]), np.array([END]))
    settled = fold.take()
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    facts, intervals, events, doubts = expected(happenings, where)
    assert facts_of(np.concatenate([settled.facts, shown.facts])) == facts
    assert sorted(tuple(row)[1:] for row in settled.counter_events.tolist()) == events
    assert intervals_of(np.concatenate([settled.intervals, shown.intervals])) == intervals
    assert doubts_of([*settled.count_gaps, *shown.count_gaps]) == doubts


@settings(max_examples=LIVES, deadline=None)
@given(with_gaps(), st.sampled_from(sorted(SPLITS)), st.integers(0, 2**32))
def test_sources_late_cut_killed_and_repaired_in_any_order_end_as_the_oracle_says(happenings, how, seed):
    where, rng = shared(how), random.Random(seed)
    happenings = known(happenings, where)
    samples, edges = split(happenings)
    with pytest.MonkeyPatch.context() as minutes:  # with a minute for an hour, repairs meet snapshots again
        minutes.setattr(stream, "HOUR_US", MINUTE_US)
        minutes.setattr(repair, "HOUR_US", MINUTE_US)
        life = Life(where, rng)
        life.beat(BEGIN)
        waiting = [pairs_of(edges, source) for source in range(len(where.sources))]
        for h in shuffled(samples, rng):
            while any(waiting) and rng.random() < 0.2:
                tell(life, rng.choice([pairs for pairs in waiting if pairs]).pop(0))
            source = where.sources[ways(where).source_of(h.what)].name
            life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)), source)
            if rng.random() < 0.2:
                beat(life, rng.choice(where.sources).name, BEGIN + rng.randrange(SPAN))
        for pair in (pair for pairs in waiting for pair in pairs):
            tell(life, pair)
        life.beat(END + 2 * SECOND_US)
        life.end()
    check(life.kept, happenings, where)


def pairs_of(edges: list[Happening], source: int) -> list[list[Happening]]:
    """The gaps of a source in the order in which it tells them."""
    own = [h for h in edges if h.source == source]
    return [own[at : at + 2] for at in range(0, len(own), 2)]


def beat(life: Life, source: str, at_us: int) -> None:
    payload = pack_heartbeat(Heartbeat(np.array([0], "i4"), np.array([at_us], "i8")))
    life.send(RowKind.HEARTBEAT, payload, source)


class Play:
    """A stream of one machine with a control and a counter, and what its commits leave; times in seconds from BEGIN."""

    def __init__(self, how: str = "counter") -> None:
        self.where = shared(how)
        self.stream, self.tables = Stream(self.where, ["spool", "own"]), Tables()
        self.record = 0
        self.credits: list[tuple[int, ...]] = []
        self.gaps: dict[tuple[int, int], list[tuple[float, float | None, int]]] = {}

    def take(self, kind: RowKind, payload: bytes, source: str = "src0") -> None:
        self.record += 1
        spool = "own" if kind is RowKind.TICK else "spool"
        self.stream.take_row(spool, StoredRow(self.record, kind, source, self.where.hash, 0, payload), 1.0)
        for judged in self.stream.judgements(0):
            self.take(judged.kind, judged.payload, judged.source)

    def say(self, at_s: float, what: str, value: object) -> None:
        happening = Happening(BEGIN + int(at_s * SECOND_US), self.record, what, value, "good")
        source = self.where.sources[ways(self.where).source_of(what)].name
        self.take(RowKind.SAMPLES, pack_samples(batch_of([happening], self.where)), source)

    def beat(self, at_s: float, *sources: int) -> None:
        payload = pack_heartbeat(Heartbeat(np.array([0], "i4"), np.array([BEGIN + int(at_s * SECOND_US)], "i8")))
        for source in sources:
            self.take(RowKind.HEARTBEAT, payload, self.where.sources[source].name)

    def gap(self, source: int, opened: bool, at_s: float) -> None:
        gap = Gap(opened, BEGIN + int(at_s * SECOND_US), Cause.RESTART, (0,))
        self.take(RowKind.GAP, pack_gap(gap), self.where.sources[source].name)

    def tick(self, at_s: float) -> None:
        self.take(RowKind.TICK, pack_tick(Tick(BEGIN + int(at_s * SECOND_US))))

    def collect(self):
        changes = self.stream.collect(1.0)
        self.tables.store(changes)
        self.credits += changes.gap_credits.tolist()
        for key, since in changes.gap_rows_from.items():
            kept = [gap for gap in self.gaps.get(key, []) if BEGIN + gap[0] * SECOND_US < since]
            rows = [row for row in changes.gap_rows if (row.machine, row.source_id) == key]
            self.gaps[key] = kept + [
                (seconds(r.from_us), None if r.to_us < 0 else seconds(r.to_us), r.cause) for r in rows
            ]
        return changes

    def gaps_of(self, source: int) -> list[tuple[float, float | None, int]]:
        return self.gaps.get((0, self.where.sources[source].id), [])

    def states(self) -> list[tuple[float, float | None, State, Cause]]:
        return [
            (
                seconds(r["from_us"]),
                None if r["to_us"] < 0 else seconds(r["to_us"]),
                State(r["state"]),
                Cause(r["cause"]),
            )
            for r in self.tables.intervals[0]
        ]

    def sums(self) -> dict[str, int]:
        facts = facts_of(np.array(self.tables.facts[0]))
        return {name: sum(row.get(name, 0) for row in facts.values()) for name in MEASURES}


def seconds(us: int) -> float:
    return (int(us) - BEGIN) / SECOND_US


def test_a_machine_settles_where_the_least_of_its_live_sources_has_spoken():
    play = Play()
    play.beat(0, 0, 1)
    play.say(1, "ctrl.execution", "active")
    play.beat(50, 0)
    play.beat(20, 1)
    assert seconds(play.collect().live[0].settled_us) == 18
    play.gap(1, True, 20)
    assert seconds(play.collect().live[0].settled_us) == 48
    play.gap(1, False, 60)
    play.beat(90, 0)
    play.beat(70, 1)
    assert seconds(play.collect().live[0].settled_us) == 68


def test_silence_of_one_source_is_judged_by_itself_and_leaves_the_state_to_the_other():
    play = Play()
    play.beat(0, 0, 1)
    play.say(0, "ctrl.execution", "active")
    for at_s in range(1, 100):
        play.beat(at_s, 0)
        if at_s < 30 or at_s >= 80:
            play.beat(at_s, 1)
        play.tick(at_s + 0.5)
        play.collect()
    assert play.gaps_of(0) == []
    assert play.gaps_of(1) == [(29, 80, Cause.SILENT)]
    assert play.states() == [(0, None, State.PRODUCING, Cause.NONE)]


def test_parts_of_a_counter_that_was_gone_are_booked_apart_though_the_state_is_known():
    play = Play()
    play.beat(0, 0, 1)
    play.say(0, "ctrl.execution", "active")
    play.say(0, "prog.name", "A-1")
    for at_s, count in ((1, 10), (10, 11)):
        play.say(at_s, "part.total", count)
    play.gap(1, True, 20)
    play.say(30, "spindle.1.speed", 3000.0)
    play.gap(1, False, 80)
    play.say(100, "part.total", 14)
    play.say(110, "part.total", 15)
    play.beat(130, 0, 1)
    play.collect()
    found = play.sums()
    assert found["unknown"] + found["unknown_out"] == 0
    assert (found["parts_total"], found["credit_good_us"], found["credit_gap_good_us"]) == (5, 122_000_000, 183_000_000)
    gap = (0, BEGIN + 20 * SECOND_US, 183_000_000, 183_000_000, 3, BEGIN + 100 * SECOND_US, 1)
    assert play.credits == [gap]


def test_where_the_control_is_gone_the_state_is_unknown_and_the_counter_counts_on():
    play = Play()
    play.beat(0, 0, 1)
    play.say(0, "ctrl.execution", "active")
    play.say(0, "prog.name", "A-1")
    play.say(1, "part.total", 10)
    play.gap(0, True, 20)
    play.say(40, "part.total", 12)
    play.gap(0, False, 80)
    play.say(100, "part.total", 13)
    play.beat(130, 0, 1)
    play.collect()
    assert play.states() == [
        (0, 20, State.PRODUCING, Cause.NONE),
        (20, 80, State.UNKNOWN, Cause.RESTART),
        (80, None, State.PRODUCING, Cause.NONE),
    ]
    found = play.sums()
    assert (found["parts_total"], found["credit_gap_total_us"], play.credits) == (3, 0, [])


def test_a_lamp_carries_the_state_while_the_control_is_gone():
    play = Play("lamp")
    play.beat(0, 0, 1)
    play.say(0, "light.green", "on")
    play.say(0, "ctrl.execution", "stopped")
    play.say(0, "ctrl.estop", True)
    play.gap(0, True, 20)
    play.gap(0, False, 80)
    play.beat(130, 0, 1)
    play.collect()
    assert [state for _, _, state, _ in play.states()] == [State.UNPLANNED_STOP, State.PRODUCING, State.UNPLANNED_STOP]


def test_a_source_that_says_it_is_off_line_takes_only_its_own_words_with_it():
    play = Play("lamp")
    play.beat(0, 0, 1)
    play.say(0, "light.green", "on")
    play.say(0, "ctrl.execution", "stopped")
    play.say(20, "conn.online", False)
    play.beat(130, 0, 1)
    play.collect()
    assert play.states() == [(0, None, State.IDLE, Cause.STOPPED)]


def test_a_source_is_missing_from_the_beginning_until_it_is_heard_and_forgives_an_earlier_sample():
    play = Play()
    play.say(5, "ctrl.execution", "active")
    play.beat(60, 0)
    assert seconds(play.collect().live[0].settled_us) == 58
    assert play.gaps_of(1) == [(0, None, Cause.NO_DATA_YET)]
    assert play.gaps_of(0) == [(0, 5, Cause.NO_DATA_YET)]
    play.say(70, "part.total", 3)
    play.collect()
    assert play.gaps_of(1) == [(0, 70, Cause.NO_DATA_YET)]
    play.say(65, "part.total", 2)
    play.say(-70, "part.total", 1)
    play.collect()
    assert play.gaps_of(1) == [(-120, -70, Cause.NO_DATA_YET), (-70, 65, Cause.NO_DATA_YET)]
    assert play.gaps_of(0) == [(-120, 5, Cause.NO_DATA_YET)]


def test_a_source_that_a_machine_has_no_more_holds_nothing_back_after_a_restart():
    before, after = plant(1), shared("counter")
    kept = Kept(before)
    first = Stream(before, ["spool"])
    beat_at = np.array([BEGIN + 90 * SECOND_US], "i8")
    first.take_row("spool", heartbeat(1, "src", beat_at), 1.0)
    kept.store(first.collect(1.0))
    kept.plant = after
    resumed = kept.resumed(after, ["spool"])
    assert resumed.last_life.tolist() == beat_at.tolist() * 2
    resumed.take_row("spool", heartbeat(2, "src", beat_at + 900 * SECOND_US), 1.0)
    assert resumed.last_life.tolist() == beat_at.tolist() * 2
    resumed.take_row("spool", heartbeat(3, "src1", beat_at + 100 * SECOND_US), 1.0)
    assert seconds(resumed.collect(1.0).live[0].settled_us) == 88


def heartbeat(record: int, source: str, at_us: np.ndarray) -> StoredRow:
    return StoredRow(
        record, RowKind.HEARTBEAT, source, b"plant", 0, pack_heartbeat(Heartbeat(np.array([0], "i4"), at_us))
    )


def played(how: str, signal: str, gone: object, back: object) -> Play:
    """A part, half a minute in which a signal says that the machine is gone, and another part after it."""
    play = Play(how)
    play.beat(0, 0, 1)
    play.say(0, signal, back)
    play.say(0, "ctrl.execution", "active")
    play.say(0, "prog.name", "A-1")
    play.say(1, "part.total", 1)
    play.say(10, signal, gone)
    play.say(30, signal, back)
    play.say(40, "part.total", 2)
    play.beat(130, 0, 1)
    play.collect()
    assert [state for _, _, state, _ in play.states()] == [State.PRODUCING, State.UNKNOWN, State.PRODUCING]
    return play


def test_credits_of_time_without_a_trusted_state_belong_to_no_source():
    assert [row[6] for row in played("clamp", "conn.online", False, True).credits] == [NO_SOURCE]


def test_a_counter_of_a_machine_that_says_it_is_not_available_goes_on_telling():
    for how in ("clamp", "counter"):
        play = played(how, "ctrl.item_state", "not_available", "executing")
        assert (play.sums()["credit_gap_total_us"], play.credits) == (0, [])
        assert play.sums()["parts_total"] == 1
