"""Words that come with a delay: by spindle and feed or by power, stream, repair and restart give what the oracle gives.

It knows the whole scene at once and looks ahead; the engine never knows more than has arrived.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import repair, stream
from core.engine.fold import Fold
from core.engine.gaps import Gaps
from core.engine.operator import OperatorLog
from core.engine.raw import Latest
from core.engine.refold import Refold, Wanted
from core.plant.behaviour import USUAL, ByPower, BySpindle
from core.plant.lanes import lanes_of
from core.plant.model import Feed, Source
from core.samples.order import Columns, joined
from core.samples.records import RowKind, pack_samples
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause, State
from tests.properties.scenes import (
    BEGIN,
    CHANNEL,
    EXAMPLES,
    LIGHTS,
    LIVES,
    SIGNALS,
    SPAN,
    Happening,
    plant,
    tables_of,
    ways,
)
from tests.properties.test_repair_equals_oracle import Life, shuffled, split, tell
from tests.properties.test_stream_equals_oracle import (
    END,
    batch_of,
    columns,
    doubts_of,
    expected,
    facts_of,
    intervals_of,
    played,
)

SPINDLE = replace(USUAL, by_spindle=BySpindle(10 * SECOND_US, 30 * SECOND_US))
QUICK = replace(USUAL, by_spindle=BySpindle(0, 5 * SECOND_US))
POWER = replace(USUAL, by_power=ByPower("power.active", 20, 400, 1400))
CURRENT = replace(USUAL, by_power=ByPower("power.current.l2", 0, 800, 4000))
WITH = {
    SPINDLE: ("spindle.1.rotating", "spindle.1.speed", "spindle.2.speed", "feed.1.rate", "feed.2.rate"),
    QUICK: ("spindle.1.speed", "feed.1.rate"),
    POWER: ("power.active",),
    CURRENT: ("power.current.l2",),
}
ALSO = ("prog.name", "part.total", "ctrl.estop", "ctrl.mode", "conn.online")
VALUES = {
    "power.active": [0.0, 25.0, 209.5, 400.0, 549.0, 551.0, 650.0, 1400.0, 3000.0],
    "power.current.l2": [0.0, 0.3, 0.4, 1.2, 1.3, 1.6, 4.0, 9.0],
}
LAST = END + MINUTE_US
"""Everything before END is decided by then."""


@cache
def where_of(behaviour, tells: int = 0, sources: int = 1):
    """A plant in which nothing nearer says what the machine does; source `tells` says it, another one the rest."""
    known = (*WITH[behaviour], *ALSO)
    absent = tuple(name for name in SIGNALS if name not in known)
    alone = plant(1, ("part.total",), behaviour, absent)
    if sources == 1:
        return alone
    dealt = [{name: {} for name in names} for names in (ALSO, WITH[behaviour])][:: 1 if tells else -1]
    feeds = [Feed(rank, signals, {}) for rank, signals in enumerate(dealt)]
    first = replace(alone.machines[0], signals=feeds[0].signals, more=tuple(feeds[1:]))
    return replace(alone, sources=tuple(Source(f"src{n}", "mqtt", 2_000_000, {}) for n in (0, 1)), machines=(first,))


def happening(number: int, seq: int, behaviour) -> Happening:
    rng = random.Random(number)
    offset = rng.randrange(SPAN // SECOND_US // 5) * 5 * SECOND_US if rng.random() < 0.7 else rng.randrange(SPAN)
    what = rng.choice(WITH[behaviour]) if rng.random() < 0.85 else rng.choice(ALSO)
    if what in VALUES:
        value = rng.choice(VALUES[what])
    elif what.endswith("speed"):
        value = rng.choice([0.0, 3000.0])
    elif what.endswith("rate"):
        value = rng.choice([0.0, 250.0])
    else:
        value = {"prog.name": rng.choice(["A-1", "B-2"]), "part.total": rng.randrange(40), "ctrl.mode": "manual"}.get(
            what, rng.random() < 0.5
        )
    return Happening(BEGIN + offset, seq, what, value, rng.choice(["good"] * 15 + ["bad"]))


@st.composite
def lives(draw: st.DrawFn, most: int = 2):
    """A plant and what happens: most of it every 5 s, so that waits end exactly where something happens."""
    behaviour, tells, sources = draw(st.tuples(st.sampled_from(list(WITH)), st.integers(0, 1), st.integers(1, most)))
    numbers = draw(st.lists(st.integers(0, 2**32), max_size=70))
    found = [happening(number, seq, behaviour) for seq, number in enumerate(numbers)]
    for source in range(sources):
        at = sorted(draw(st.sets(st.integers(0, SPAN // SECOND_US - 1), max_size=4)))
        for number, (start, end) in enumerate(zip(at[::2], at[1::2], strict=False)):
            edges = (start, "gap+", 0), (end, "gap-", 1)
            for second, what, odd in edges:
                seq = 1000 + 10 * source + 2 * number + odd
                found.append(Happening(BEGIN + second * SECOND_US, seq, what, "silent", "good", source=source))
    return where_of(behaviour, tells, sources), sorted(found, key=lambda h: (h.event_us, h.rank, h.seq))


def clipped(intervals) -> list:
    return [(a, min(b, END), *rest) for a, b, *rest in intervals if a < END]


def before_end(facts: dict) -> dict:
    return {key: row for key, row in facts.items() if key[0] < END}


@settings(max_examples=EXAMPLES, deadline=None)
@given(lives())
def test_the_fold_finds_the_words_that_the_oracle_finds(life):
    where, happenings = life
    fold = Fold(where, tables_of(where), checked=True)
    fold.begin(0, BEGIN)
    everything = columns(happenings, fold, where)
    words, _ = fold.words(everything, np.array([END]))
    fold.fold(joined(everything, words))
    fold.advance(np.array([0]), np.array([END]))
    settled = fold.take()
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    facts, intervals, events, doubts = expected(happenings, where)
    assert intervals_of(np.concatenate([settled.intervals, shown.intervals])) == intervals
    assert facts_of(np.concatenate([settled.facts, shown.facts])) == facts
    assert sorted(tuple(row)[1:] for row in settled.counter_events.tolist()) == events
    assert doubts_of(np.concatenate([settled.count_gaps, shown.count_gaps])) == doubts


@settings(max_examples=EXAMPLES, deadline=None)
@given(lives(most=1), st.integers(0, 2**32))
def test_the_stream_ends_with_the_oracles_rows_under_disorder_and_any_batching(life, seed):
    where, happenings = life
    happenings = [h for h in happenings if not h.what.startswith("gap")]
    tables = played(happenings, where, random.Random(seed), LAST + 2 * SECOND_US - END)
    facts, intervals, _, _ = expected(happenings, where, LAST)
    assert clipped(intervals_of(np.array(tables.intervals[0]))) == clipped(intervals)
    assert before_end(facts_of(np.array(tables.facts[0]))) == before_end(facts)


@pytest.fixture
def _snapshots_at_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HOUR_US", MINUTE_US)
    monkeypatch.setattr(repair, "HOUR_US", MINUTE_US)


@pytest.mark.usefixtures("_snapshots_at_every_minute")
@settings(max_examples=LIVES, deadline=None)
@given(lives(), st.integers(0, 2**32))
def test_late_data_gaps_kills_and_repairs_leave_the_oracles_rows(life, seed):
    where, happenings = life
    rng = random.Random(seed)
    samples, edges = split(happenings)
    stream_life = Life(where, rng)
    stream_life.beat(BEGIN)
    edges.sort(key=lambda h: h.source)
    pairs = [edges[at : at + 2] for at in range(0, len(edges), 2)]
    told = [(pair[1].event_us + rng.choice([0, 1, 30 * SECOND_US, SPAN]), pair) for pair in pairs]
    for h in shuffled(samples, rng):
        while told and told[0][0] <= h.event_us:
            tell(stream_life, told.pop(0)[1])
        source = where.sources[ways(where).source_of(h.what)].name
        stream_life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)), source)
        if rng.random() < 0.2:
            stream_life.beat(min(h.event_us + rng.randrange(60 * SECOND_US), END))
    for _, pair in told:
        tell(stream_life, pair)
    stream_life.beat(LAST + 2 * SECOND_US)
    stream_life.end()
    facts, intervals, events, _ = expected(happenings, where, LAST)
    assert clipped(intervals_of(np.array(stream_life.kept.intervals[0]))) == clipped(intervals)
    assert before_end(facts_of(np.array(stream_life.kept.facts[0]))) == before_end(facts)
    noted = [tuple(row.tolist())[1:] for row in stream_life.kept.counter_events.get(0, []) if row["at_us"] < END]
    assert sorted(noted) == [event for event in events if event[3] < END]


def told(at_s: float, what: str, value: object) -> Happening:
    return Happening(BEGIN + round(at_s * SECOND_US), round(at_s), what, value, "good")


def states(happenings: list[Happening], behaviour) -> list[tuple[float, State, Cause]]:
    """(from [s], state, cause) of the fold, which is the oracle's."""
    where = where_of(behaviour)
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    everything = columns(happenings, fold, where)
    fold.fold(joined(everything, fold.words(everything, np.array([END]))[0]))
    fold.advance(np.array([0]), np.array([END]))
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([END]))
    found = intervals_of(np.concatenate([fold.take().intervals, shown.intervals]))
    assert found == expected(happenings, where)[1]
    return [((a - BEGIN) / SECOND_US, State(s), Cause(c)) for a, _, s, c, _ in found]


@pytest.mark.parametrize(("pause", "idle"), [(10.0, False), (10.000001, True)])
def test_a_spindle_that_turns_without_feed_for_longer_than_ten_seconds_stood_from_the_beginning(pause, idle):
    work = [told(0, "spindle.1.speed", 3000.0), told(0, "feed.1.rate", 250.0)]
    stop = [told(60, "feed.1.rate", 0.0), told(60 + pause, "feed.1.rate", 250.0)]
    found = states([*work, *stop], SPINDLE)
    stood = [(60.0, State.IDLE, Cause.READY), (60 + pause, State.PRODUCING, Cause.NONE)]
    assert found == [(0.0, State.PRODUCING, Cause.NONE), *(stood if idle else [])]


@pytest.mark.parametrize(("pause", "idle"), [(30.0, False), (30.000001, True)])
def test_a_tool_change_is_work_and_what_lasts_longer_is_not(pause, idle):
    work = [told(0, "spindle.1.speed", 3000.0), told(0, "feed.1.rate", 250.0)]
    stop = [told(60, "spindle.1.speed", 0.0), told(60, "feed.1.rate", 0.0)]
    again = [told(60 + pause, "spindle.1.speed", 3000.0), told(60 + pause, "feed.1.rate", 250.0)]
    found = states([*work, *stop, *again], SPINDLE)
    stood = [(60.0, State.IDLE, Cause.READY), (60 + pause, State.PRODUCING, Cause.NONE)]
    assert found == [(0.0, State.PRODUCING, Cause.NONE), *(stood if idle else [])]


def test_by_power_a_machine_works_from_the_sample_on_whose_five_seconds_reach_the_level_and_ends_likewise():
    told_w = [
        (0, 400.0),
        (60, 1400.0),
        (61, 400.0),
        (80, 1400.0),
        (90, 300.0),
        (92, 1400.0),
        (120, 540.0),
        (140, 200.0),
    ]
    found = states([told(at, "power.active", value) for at, value in told_w], POWER)
    assert found == [
        (0.0, State.IDLE, Cause.READY),  # one second of 1400 W is no work, 2 s of 300 W are no end of it
        (80.0, State.PRODUCING, Cause.NONE),
        (120.0, State.IDLE, Cause.READY),
        (140.0, State.IDLE, Cause.POWER_OFF),  # below half way from off to standby for longer than 30 s
    ]


def test_no_minute_closes_while_something_in_it_is_undecided_and_the_pause_shows_as_work_until_then():
    where = where_of(SPINDLE)
    work = [told(0, "spindle.1.speed", 3000.0), told(0, "feed.1.rate", 250.0)]
    stop = [told(50, "spindle.1.speed", 0.0), told(50, "feed.1.rate", 0.0)]
    life = Life(where, random.Random(0))
    for happenings, until_s in ((work, 40), (stop, 82)):
        for h in happenings:
            life.stream.take_row("spool", row_of(life, h), 1.0)
        life.beat(BEGIN + until_s * SECOND_US)
        life.stream.take_row("spool", life.rows[-1], 1.0)
        changes = life.stream.collect(1.0)
    assert changes.closed_until_us == {0: BEGIN}
    assert (changes.live[0].state, changes.live[0].settled_us) == (State.IDLE, BEGIN + 50 * SECOND_US)
    life.beat(BEGIN + 83 * SECOND_US)
    life.stream.take_row("spool", life.rows[-1], 1.0)
    changes = life.stream.collect(1.0)
    assert changes.closed_until_us == {0: BEGIN + MINUTE_US}


def test_only_the_source_that_tells_can_hide_what_the_machine_does():
    where = where_of(POWER, 1, 2)
    work = [told(0, "power.active", 1400.0), told(0, "part.total", 1)]
    gaps = [told(60 + 60 * source + 30 * end, ("gap+", "gap-")[end], "silent") for source in (0, 1) for end in (0, 1)]
    happenings = [*work, *(replace(h, source=int(at > 1)) for at, h in enumerate(gaps))]
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    everything = columns(happenings, fold, where)
    fold.fold(joined(everything, fold.words(everything, np.array([END]))[0]))
    fold.advance(np.array([0]), np.array([END]))
    found = [((row["from_us"] - BEGIN) / SECOND_US, State(row["state"])) for row in fold.take().intervals]
    assert found == [(0.0, State.PRODUCING), (120.0, State.UNKNOWN)]


@pytest.mark.usefixtures("_snapshots_at_every_minute")
def test_what_comes_after_a_restart_can_still_change_what_was_decided_before_it():
    where = where_of(CURRENT)
    power = [(0, 1.2), (450, 0.3), (480, 9.0)]
    happenings = [told(at, "power.current.l2", value) for at, value in power]
    life = Life(where, random.Random(0))
    life.beat(BEGIN)
    for h in happenings[:2]:
        row_of(life, h)
    life.beat(BEGIN + 484 * SECOND_US)  # longer than 30 s below the middle: off, and a snapshot at 480 s
    life.live()
    life.stream = life.kept.resumed(where, ["spool"])
    row_of(life, happenings[2])
    life.beat(LAST + 2 * SECOND_US)
    life.end()
    found = clipped(intervals_of(np.array(life.kept.intervals[0])))
    assert found == clipped(expected(happenings, where, LAST)[1])


def test_a_repair_takes_machines_that_wait_for_nothing_along_to_the_end():
    where = where_of(SPINDLE)
    waits = where.machines[0]
    other = replace(waits, name="minsk/other", behaviour=USUAL)
    where = replace(where, machines=(waits, other))
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    fold.begin(1, BEGIN)
    refold = Refold(where, {machine: Wanted(BEGIN, snapshot_of(fold, machine), END) for machine in (0, 1)})
    nothing = np.empty(0, "i2")
    refold.step(Columns.empty(), nothing, Gaps.of([], lanes_of(where)), {0: END, 1: END}, OperatorLog())
    assert (refold.at_us(0), refold.at_us(1)) == (END, END)


def snapshot_of(fold: Fold, machine: int) -> bytes:
    return fold.snapshot(machine) + Latest(fold._plant).pack(machine)


def row_of(life: Life, h: Happening):
    life.send(RowKind.SAMPLES, pack_samples(batch_of([h], life.where)))
    return life.rows[-1]


def test_scenes_have_neither_channels_nor_lights_to_say_more():
    assert not {*CHANNEL, *LIGHTS, "ctrl.execution"} & set(where_of(POWER).machines[0].signals)
