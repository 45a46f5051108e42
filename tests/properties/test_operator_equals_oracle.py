"""Whenever people tell, take back and tell twice: in the end the rows are the oracle's over all that was told."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.engine import repair, stream
from core.engine.repair import RepairJob
from core.samples.entries import REASON, SCRAP, Entry, identified, in_effect, pack_entry, taken_back
from core.samples.records import RowKind, pack_samples
from core.units import MINUTE_US, SECOND_US
from tests.properties.scenes import BEGIN, LIVES, SPAN, Happening, plant
from tests.properties.test_repair_equals_oracle import Life, check, split, tell
from tests.properties.test_stream_equals_oracle import END, batch_of, with_gaps


@pytest.fixture(autouse=True)
def _snapshots_at_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes last twelve minutes: with a minute for an hour, repairs meet snapshots again as they do in a plant."""
    monkeypatch.setattr(stream, "HOUR_US", MINUTE_US)
    monkeypatch.setattr(repair, "HOUR_US", MINUTE_US)


def moment(rng: random.Random) -> int:
    """Half of them at half minutes, where the scenes' own happenings are; some before the machine begins."""
    if rng.random() < 0.5:
        return BEGIN + rng.randrange(-2, 24) * MINUTE_US // 2
    return BEGIN + rng.randrange(-60 * SECOND_US, SPAN)


def reason(from_us: int, to_us: int, kind: str = "repair", author: str = "Anna") -> Entry:
    return Entry("", REASON, "s/m0", from_us, to_us, author, END, reason=kind, reason_class=kind)


def scrap(at_us: int, parts: int, program: str = "") -> Entry:
    return Entry("", SCRAP, "s/m0", at_us, at_us + 1, "Ivan", END, parts=parts, program=program)


def entry(rng: random.Random) -> Entry:
    if rng.random() < 0.4:
        return scrap(moment(rng), rng.randrange(1, 4), rng.choice(["", "", "A-1", "B-2", "NO-STANDARD"]))
    from_us, to_us = sorted([moment(rng), moment(rng)])
    return reason(from_us, max(to_us, from_us + 1), rng.choice(["repair", "repair", "repair", "tool"]))


def told_by_people(rng: random.Random) -> list[Entry]:
    """Entries in the order of the spool: some are taken back, some told again after that, some are there twice."""
    out: list[Entry] = []
    for _ in range(rng.randrange(1, 7)):
        out.append(identified(entry(rng), out))
        held = in_effect(out)
        if held and rng.random() < 0.4:
            back = rng.choice(held)
            out.append(identified(taken_back(back, "Olga", END, "a mistake"), out))
            if rng.random() < 0.3:
                out.append(identified(replace(back, id=""), out))
        if rng.random() < 0.2:
            out.append(rng.choice([e for e in out if e in in_effect(out)] or [out[-1]]))
    return out


def for_the_oracle(entries: list[Entry]) -> list[tuple[str, str | None, int, int, int, int]]:
    once = {e.id: e for e in entries if e.repairs or e.parts}.values()
    return [(e.id, e.takes_back or None, e.from_us, e.to_us, e.parts, e.program_id) for e in once]


@settings(max_examples=LIVES, deadline=None)
@given(with_gaps(), st.integers(0, 2**32))
def test_what_people_tell_at_any_time_is_folded_in_as_if_it_had_been_known(happenings, seed):
    where, rng = plant(1), random.Random(seed)
    happenings = [h for h in happenings if h.what in where.signal_index or h.what.startswith("gap")]
    samples, edges = split(happenings)
    entries = told_by_people(rng)
    life, waiting = Life(where, rng), list(entries)
    while waiting and rng.random() < 0.3:  # people are the first to speak of the machine
        life.send(RowKind.OPERATOR, pack_entry(waiting.pop(0)))
    life.beat(BEGIN)
    for h in samples:
        while waiting and rng.random() < 0.2:
            life.send(RowKind.OPERATOR, pack_entry(waiting.pop(0)))
        life.send(RowKind.SAMPLES, pack_samples(batch_of([h], where)))
        if rng.random() < 0.3:
            life.beat(min(h.event_us + rng.randrange(120 * SECOND_US), END))
    for at in range(0, len(edges), 2):
        tell(life, edges[at : at + 2])
    life.beat(END + 2 * SECOND_US)
    for late in waiting:
        life.send(RowKind.OPERATOR, pack_entry(late))
    life.end()
    check(life.kept, happenings, where, for_the_oracle(entries))


MAINTENANCE = [
    Happening(BEGIN, 0, "ctrl.execution", "ready", "good"),
    Happening(BEGIN, 1, "ctrl.op_mode", "maintenance", "good"),
    Happening(BEGIN + 8 * MINUTE_US, 2, "ctrl.op_mode", "production", "good"),
    Happening(BEGIN + 8 * MINUTE_US, 3, "ctrl.execution", "active", "good"),
]


def lived(entries: list[Entry]) -> Life:
    """A machine under maintenance for eight minutes, then producing; people tell when it is over."""
    where = plant(1)
    life = Life(where, random.Random(5))
    life.beat(BEGIN)
    life.send(RowKind.SAMPLES, pack_samples(batch_of(MAINTENANCE, where)))
    life.beat(END + 2 * SECOND_US)
    life.live()
    while life.kept.repair(life.stream):
        pass
    tell_all(life, entries)
    return life


def tell_all(life: Life, entries: list[Entry]) -> None:
    for found in entries:
        life.send(RowKind.OPERATOR, pack_entry(found))
        life.stream.take_row("spool", life.rows[-1], 1.0)
    life.kept.store(life.stream.collect(1.0))
    life.cursor = len(life.rows)


def test_a_repair_that_is_told_later_refolds_exactly_its_own_stretch():
    told = identified(reason(BEGIN + 2 * MINUTE_US, BEGIN + 4 * MINUTE_US + 1), [])
    life = lived([told])
    assert [request[1:] for request in life.kept.asked] == [(0, told.from_us, told.to_us)]
    job = RepairJob(life.where, life.kept, life.stream.begin_us)
    while job.hour(life.stream.settled):
        pass
    (found,) = job.finish(life.stream.settled)
    # What failed before it produced again is remembered: the maintenance after a repair is one too (state rule 2).
    assert (found.repair.from_us, found.repair.until_us) == (BEGIN + 2 * MINUTE_US, BEGIN + 9 * MINUTE_US)
    assert not found.repair.to_present
    life.stream.adopt([found], job.upto)
    life.kept.store(life.stream.collect(1.0))
    check(life.kept, MAINTENANCE, life.where, for_the_oracle([told]))


def test_a_reason_that_only_explains_asks_for_nothing_and_is_kept():
    life = lived([identified(reason(BEGIN, END, "tool"), [])])
    assert life.kept.asked == []
    assert [found.reason for found in life.kept.entries] == ["tool"]


def test_what_is_taken_back_leaves_no_trace_but_itself():
    before = lived([]).kept
    told = identified(reason(BEGIN + 2 * MINUTE_US, BEGIN + 4 * MINUTE_US), [])
    gone = identified(taken_back(told, "Olga", END, "another machine"), [told])
    life = lived([told])
    assert life.kept.repair(life.stream)
    assert [r.tolist() for r in life.kept.facts[0]] != [r.tolist() for r in before.facts[0]]
    tell_all(life, [gone])
    life.end()
    assert [r.tolist() for r in life.kept.facts[0]] == [r.tolist() for r in before.facts[0]]
    assert [r.tolist() for r in life.kept.intervals[0]] == [r.tolist() for r in before.intervals[0]]
    assert life.kept.entries == [told, gone]


def test_the_same_entry_twice_is_one():
    told = identified(scrap(BEGIN + 9 * MINUTE_US, 2), [])
    life = lived([told, told])
    life.end()
    check(life.kept, MAINTENANCE, life.where, for_the_oracle([told]))
    assert sum(int(row["parts_scrap"]) for row in life.kept.facts[0]) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"machine": "s/gone"}, "no machine"),
        ({"to_us": BEGIN}, "no stretch of time"),
        ({"author": ""}, "missing"),
        ({"reason_class": "sabotage"}, "sabotage"),
        ({"kind": "scrap", "reason": "", "parts": 0}, "neither a reason nor scrap"),
        ({"from_us": "yesterday"}, "from_us"),
    ],
)
def test_an_entry_that_cannot_be_true_is_quarantined_with_its_bytes(change, why):
    payload = pack_entry(replace(identified(reason(BEGIN, END), []), **change))
    life = Life(plant(1), random.Random(5))
    life.send(RowKind.OPERATOR, payload)
    life.stream.take_row("spool", life.rows[-1], 1.0)
    changes = life.stream.collect(1.0)
    ((_, _, _, _, item),) = changes.quarantine
    assert why in item.reason
    assert item.raw == payload
    assert changes.entries == []
