"""A real machine's recording through a real broker: collected, folded and stored as it stands in the file.

The recording lies beside the repository (or in STANOK_TEST_DATA), not in it; where it is missing, tests that need it
are skipped, and fail with CI=true.
"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from collectors.mqtt.settings import signal_settings
from core.plant.model import Plant
from core.units import floor_minute, natural_id, us_from_datetime
from core.vocabulary import (
    OTHER_RANK,
    SIGNAL_RANK,
    Cause,
    ClockChoice,
    Execution,
    Flag,
    OpMode,
    Quality,
    State,
)
from simulators.replay import Sent
from stanok.collect import read_status
from stanok.plantfile import load_plant
from stanok.processes import Child
from stanok.replay import Replay, replay
from storage.pg.connect import connect
from storage.spool_read import SpoolReader
from tests.fix_broker import BrokerAddress
from tests.oracle import naive_oee
from tests.stanok.house import ROOT, wait_for

DATA = Path(os.environ.get("STANOK_TEST_DATA", ROOT.parent / "shared" / "data"))
RECORDING = DATA / "mtconnect-okuma-2022-08-08.shdr"
pytestmark = pytest.mark.timeout(300)
"""The whole recording goes through four processes; on a busy machine that alone has been seen to take 70 s."""
ACTIVE_US = 1_357_376_086
"""How long the machine was ACTIVE in its four cycles together."""
WORDS = {"READY": Execution.READY, "ACTIVE": Execution.ACTIVE, "PROGRAM_COMPLETED": Execution.COMPLETED}


@dataclass(frozen=True)
class Row:
    """One pair of the file, by the test's own reading."""

    us: int
    key: str
    value: str


def rows_of_the_file() -> list[Row]:
    """Every pair in the order of the file; conditions and assets are left out."""
    found, body = [], None
    for line in RECORDING.read_text(encoding="utf-8").splitlines():
        if body is not None:
            body = None if line == body else body
        elif "|@" in line:
            body = line[line.index("--multiline--") :] if "--multiline--" in line else None
        elif line[:1].isdigit() and not line.endswith("|NORMAL||||"):
            stamp, *rest = line.split("|")
            found += [Row(microseconds(stamp), *pair) for pair in zip(rest[::2], rest[1::2], strict=True)]
    return found


def microseconds(stamp: str) -> int:
    """`2022-08-08T13:51:34.7167146Z`, cut after six digits."""
    whole, fraction = stamp.removesuffix("Z").split(".")
    second = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(second.timestamp()) * 1_000_000 + int(fraction[:6])


def intervals(points: list[tuple[int, float]]) -> list[tuple[int, int, float]]:
    """From, to and value for points in order of time; the last one has no end. Equal neighbours are one interval."""
    out: list[tuple[int, int, float]] = []
    for (from_us, value), (to_us, _) in pairwise(points):
        if out and out[-1][1:] == (from_us, value):
            out[-1] = (out[-1][0], to_us, value)
        elif to_us > from_us:
            out.append((from_us, to_us, value))
    return out


@dataclass
class Played:
    """A recording that was played: the commands run on until the tests of this file are done."""

    plant: Plant
    dsn: str
    directory: Path
    sent: Sent

    def ask(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        with connect(self.dsn) as connection:
            return connection.execute(query.encode(), given).fetchall()

    def event_rows(self, signal: str) -> list[tuple[Any, ...]]:
        """Event time [µs], value, text, quality, flags of a signal in canonical order (the rank is the signal's)."""
        found = self.ask(
            "select event_time, value, text, quality, flags from stanok.sample_event where signal_id = %s"
            " order by event_time, seq, spool_id, record, row",
            self.plant.signals[self.plant.signal_index[signal]].id,
        )
        return [(us_from_datetime(at), *rest) for at, *rest in found]


@pytest.fixture(scope="module")
def played(
    mosquitto: BrokerAddress,
    empty_database: Callable[[str], str],
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Played]:
    """The recording by `stanok simulate --replay` through the broker, `stanok collect` and `stanok engine`."""
    if not RECORDING.exists():
        # In CI that is a failure (tests/fix_honest.py).
        pytest.skip(f"the recording {RECORDING.name} is not in ../shared/data beside the repository")
    place = tmp_path_factory.mktemp("replay")
    plant_file, data, dsn = place / "okuma.toml", place / "data", empty_database(migrated_template)
    broker = f"mqtt://{mosquitto.host}:{mosquitto.port}"
    wanted = Replay(RECORDING, speed=0, broker=broker, plant_out=plant_file, data=data)
    sent: list[Sent] = []
    playing = threading.Thread(target=lambda: sent.append(replay(wanted, threading.Event())))
    with ExitStack() as house:
        playing.start()
        wait_for(lambda: (data / "clock.json").exists(), "the plant file and the clock are not written")
        environment = {"STANOK__DATABASE__DSN": dsn, "STANOK__ENGINE__REPAIR_QUIET_S": "2"}
        engine = Child(
            "the engine", ["engine", str(plant_file), "--data", str(data)], place / "engine.log", environment
        )
        collector = Child("the collector", ["collect", str(plant_file), "--data", str(data)], place / "collect.log")
        for child in (engine, collector):
            child.start()
            house.callback(child.stop)
        playing.join(180)
        assert sent, collector.last_words()
        found = Played(load_plant(plant_file), dsn, data, sent[0])
        wait_for(lambda: arrived(found) >= found.sent.messages - CONDITIONS, "not everything has arrived", 120)
        wait_for(lambda: committed(data), "not everything is in the database", 120)
        yield found


CONDITIONS = 40
"""Observations of a condition at level NORMAL: no alarm stands, so they are no samples."""


def arrived(found: Played) -> int:
    """Messages that became samples, were refused or have no signal, as the collector counts them."""
    return sum(status.received + status.unmapped for status in read_status(found.directory))


def committed(data: Path) -> bool:
    """Whether the engine has acknowledged all that the collector's spool holds, which may grow by heartbeats."""
    spool = data / "spool" / "collect.spool"
    reader = SpoolReader.open_if_exists(spool)
    assert reader is not None
    with reader:
        end = reader.end()
    ack = spool.with_name(spool.name + ".ack")
    return ack.exists() and int(re.findall(r'"record": (\d+)', ack.read_text())[0]) >= end


def test_intervals_of_execution_are_those_of_the_file_sorted_by_event_time(played: Played) -> None:
    mine = [(row.us, float(WORDS[row.value])) for row in rows_of_the_file() if row.key == "pexecution"]
    assert mine != sorted(mine), "the recording is no longer out of order"
    expected = intervals(sorted(mine, key=lambda point: point[0]))
    got = intervals([(us, value) for us, value, *_ in played.event_rows("ctrl.execution")])
    assert got == expected
    active = [to_us - from_us for from_us, to_us, value in got if value == Execution.ACTIVE]
    assert len(active) == 4
    assert sum(active) == ACTIVE_US


def test_every_observation_of_a_mapped_key_is_stored_once_with_its_own_time(played: Played) -> None:
    machine = played.plant.machines[0]
    signal_of = {signal_settings(address).name: name for name, address in machine.signals.items()}
    expected = Counter((row.us, signal_of[row.key]) for row in rows_of_the_file() if row.key in signal_of)
    names = {signal.id: signal.name for signal in played.plant.signals}
    stored = played.ask("select event_time, signal_id, flags, seq from stanok.sample")
    assert Counter((us_from_datetime(at), names[signal]) for at, signal, *_ in stored) == expected
    assert {flags & Flag.CLOCK_MASK for _, _, flags, _ in stored} == {ClockChoice.SOURCE}
    numbers = [seq for *_, seq in stored]
    assert len(set(numbers)) == len(numbers)


def test_nothing_is_refused_and_the_jumps_leave_no_gap(played: Played) -> None:
    assert played.ask("select origin, reason from stanok.quarantine") == []
    # Before the first word on its execution a machine is UNKNOWN, too, but that is no gap of a source.
    causes = played.ask(
        "select distinct cause from stanok.source_gap union select cause from stanok.data_gap where scope = 'state'"
    )
    assert {cause for (cause,) in causes} <= {Cause.NO_DATA_YET, Cause.NO_STATE_INPUT}
    assert played.sent.jumps_back == 2
    (status,) = read_status(played.directory)
    assert (status.rejected, status.note) == (0, "")
    rows = rows_of_the_file()
    assert played.sent.messages == len(rows) + CONDITIONS


def test_unavailable_is_stored_as_no_value_and_empty_texts_as_texts(played: Played) -> None:
    tools = {(text, quality) for _, _, text, quality, _ in played.event_rows("tool.id")}
    assert ("", Quality.GOOD) in tools
    modes = Counter(value for _, value, *_ in played.event_rows("ctrl.op_mode"))
    assert modes == {OpMode.SETUP: 9, OpMode.PRODUCTION: 5}


def overlap_us(some: list[tuple[int, int, float]], others: list[tuple[int, int, float]]) -> int:
    """How long an interval of each lasts at the same time; intervals of one list do not overlap."""
    return sum(max(0, min(a[1], b[1]) - max(a[0], b[0])) for a in some for b in others)


def samples_for_the_oracle(played: Played) -> list[tuple[int, int, tuple[int, int], str, Any, str, frozenset[str]]]:
    """All samples, and the gaps that came from gap records."""
    out: list[tuple[int, int, tuple[int, int], str, Any, str, frozenset[str]]] = []
    meanings = {signal.id: (signal.name, signal.meaning) for signal in played.plant.signals}
    for at, signal, value, text, quality, seq in played.ask(
        "select event_time, signal_id, value, text, quality, seq from stanok.sample order by record, row"
    ):
        name, meant = meanings[signal]
        said: Any = natural_id("part_program", text or "") if name == "prog.name" else value
        if meant.words is not None and value == value:
            said = meant.words(int(value)).name.lower()
        rank = SIGNAL_RANK.get(meant.role, OTHER_RANK)
        out.append((us_from_datetime(at), rank, (0, seq), name, said, Quality(quality).name.lower(), frozenset()))
    for from_time, to_time, cause in played.ask(
        "select from_time, to_time, cause from stanok.data_gap where scope = 'state' and cause between 1 and 9"
    ):
        out.append(
            (us_from_datetime(from_time), 100, (0, -1), "gap+", (Cause(cause).name.lower(), 0), "good", frozenset())
        )
        if to_time is not None:
            out.append((us_from_datetime(to_time), 0, (0, -1), "gap-", (None, 0), "good", frozenset()))
    return out


def test_state_intervals_are_those_of_the_oracle_over_the_same_rows(played: Played) -> None:
    wait_for(lambda: played.ask("select 1 from stanok.recompute_request") == [], "late data is not folded again", 100)
    ((as_of,),) = played.ask("select as_of from stanok.machine_live")
    until_us, rows = us_from_datetime(as_of), rows_of_the_file()
    begin_us = floor_minute(min(row.us for row in rows))
    segments = [(begin_us, until_us + 1, "busy", 1)]
    ways = naive_oee.Ways(frozenset({"part.total"}))
    _, wanted, _, _ = naive_oee.fold(samples_for_the_oracle(played), begin_us, until_us, segments, {}, ways)
    found = played.ask("select from_time, to_time, state, cause, rule from stanok.state_interval order by from_time")
    assert [
        (us_from_datetime(a), until_us if b is None else us_from_datetime(b), State(s), Cause(c), r)
        for a, b, s, c, r in found
    ] == [(a, b, State[s.upper()], Cause[c.upper()], rule) for a, b, s, c, rule in wanted]

    def of_file(key: str, word: str) -> list[tuple[int, int, float]]:
        points = sorted(((row.us, float(row.value == word)) for row in rows if row.key == key), key=lambda p: p[0])
        return [found for found in intervals([*points, (until_us, -1.0)]) if found[2]]

    def in_state(state: State) -> list[tuple[int, int, float]]:
        return [
            (us_from_datetime(a), us_from_datetime(b), 1.0) for a, b, s, *_ in found if s == state and b is not None
        ]

    active = of_file("pexecution", "ACTIVE")
    developed = overlap_us(active, of_file("fmode", "PROCESS_DEVELOPMENT"))
    assert overlap_us(active, in_state(State.SETUP)) == developed > 0
    assert overlap_us(active, in_state(State.PRODUCING)) == ACTIVE_US - developed
