"""How each part of `Changes` becomes rows: one function a table, all inside the caller's transaction.

Raw rows and minutes go by binary COPY, others by one statement with arrays a table, in a pipeline. What is to be sent
after the raw rows is made while the server stores them, if they were not sent ahead. Tails are replaced whole and every
value is absolute, so the same changes again give the same rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import MEASURES, NO_SOURCE, NOT_LIMITED, OPEN_END, Changes, GapRow, RawRows, Repair, Snapshot
from core.kpi.counts import effect_of
from core.plant.model import Plant, Source
from core.units import FAR_US, datetime_from_us
from core.vocabulary import State, Store
from storage.pg import blocks
from storage.pg.connect import Connection
from storage.pg.copying import clean, copy_in, copying_in, pg_time
from storage.pg.plant import add_orders, add_programs
from storage.pg.positions import Positions, positions_of
from storage.pg.rollup import Rollup
from storage.pg.sets import Statements, Where, delete_in, found_in, insert, some, stretches
from storage.pg.tails import Difference, Tails
from storage.pg.wire import array

log = logging.getLogger(__name__)

Stretches = Mapping[int, tuple[int, int]]
"""By machine: from when until when rows are replaced [µs]."""


_SPAN = {"machine_id": "bigint", "from_time": "timestamptz", "to_time": "timestamptz"}
_STATE = dict.fromkeys(("state", "cause", "rule"), "smallint")
_GAP = {**_SPAN, "source_id": "bigint", "cause": "smallint", "scope": "text", "outcome": "text"}
_LIVE = {
    "machine_id": "bigint",
    **dict.fromkeys(("as_of", "settled", "since"), "timestamptz"),
    **_STATE,
    **dict.fromkeys(("program_id", "shift_id"), "bigint"),
    "spindle_turning": "boolean",
    "spindle_speed": "float8",
}
_FRONTIER = {
    **dict.fromkeys(("machine_id", "source_id"), "bigint"),
    **dict.fromkeys(("last_event", "last_heartbeat", "last_life", "gap_from", "heard"), "timestamptz"),
}
_KEPT = (
    " and scope = 'state' and not exists (select from unnest(%s::bigint[], %s::timestamptz[]) k (machine, at)"
    " where k.machine = machine_id and k.at = from_time)"
)
_GAPS_GONE = (
    "delete from stanok.data_gap where ctid = any (array(select f.ctid from"
    f" {found_in('data_gap', 'from_time', also=_KEPT)}))"
)
_GAP_KEY = ("machine_id", "scope", "from_time", "counter", "source_rank")
_COUNTS = " and scope in ('count', 'gauge')"
_BOOKED = "case when to_time is null then w.since else booked_time end"
"""Gaps of counts and gauges go with the instant at which they were booked; those that last, with every tail."""


def _tails(since_us: Mapping[int, int]) -> Stretches:
    return {machine: (us, FAR_US) for machine, us in since_us.items()}


class Writer:
    """Writes changes of one plant. `spool_number`: number of each spool in the raw tables."""

    _connection: Connection
    """Of the commit that is being written."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._ids: Positions = positions_of(plant)
        self._tails = Tails(len(plant.machines))
        self._statements = Statements()

    def committed(self) -> None:
        """What was written last is stored."""
        self._tails.committed()

    def send(self, connection: Connection, changes: Changes, spool_number: Mapping[str, int]) -> None:
        """The raw rows ahead of everything else; also while another commit is written by another connection."""
        with self._raw(connection, changes, spool_number):
            pass

    def write(
        self, connection: Connection, changes: Changes, spool_number: Mapping[str, int], *, sent: bool = False
    ) -> None:
        """Everything but the cursors, and but the raw rows if they are `sent`."""
        self._connection = connection
        self._rollup, self._statements = Rollup(connection), Statements()
        add_programs(self._connection, {key: clean(name) for key, name in changes.programs.items()})
        add_orders(self._connection, {key: clean(name) for key, name in changes.orders.items()})
        self._told_first(changes)
        if changes.repairs or changes.repaired[0]:
            self._repairs(changes)
        with nullcontext() if sent else self._raw(connection, changes, spool_number):
            minutes = self._where(_tails(changes.facts_from))
            rows = self._minute_columns(changes.facts, changes.closed_until_us)
            self._tails_and_present(changes, spool_number)
        self._send(minutes)
        self._credits(changes.gap_credits)
        self._add_minutes(rows, minutes)
        self._rollup.finish()

    def _send(self, minutes: Where) -> None:
        """Send what waits, and remove minutes; each answer that is waited for would cost a round trip."""
        with self._connection.pipeline():
            self._statements.send(self._connection)
            self._rollup.remove(minutes)

    def _tails_and_present(self, changes: Changes, spool_number: Mapping[str, int]) -> None:
        intervals = self._tails.difference("state_interval", changes.intervals, changes.intervals_from)
        programs = self._tails.difference("program_interval", changes.program_intervals, changes.program_intervals_from)
        self._counter_events(changes.counter_events)
        self._intervals(intervals.fresh, self._gone(intervals))
        self._programs(programs.fresh, self._gone(programs))
        unknown = replace(intervals, gone=intervals.gone[intervals.gone["state"] == State.UNKNOWN])
        self._gaps(intervals.fresh, self._gone(unknown))
        booked = self._tails.booked(changes.count_gaps, changes.count_gaps_from)
        delete_in(self._statements, "data_gap", self._where(_tails(booked)), _BOOKED, _COUNTS)
        self._count_gaps(changes.count_gaps)
        self._entries(changes, spool_number)
        self._live(changes)
        self._frontiers(changes)
        self._snapshots(changes.snapshots)
        self._late(changes)
        self._quarantine(changes, spool_number)
        self._tick(changes.tick_us)

    def _told_first(self, changes: Changes) -> None:
        """What credits are noted with."""
        self._shifts(changes)
        self._gap_rows(changes)

    @contextmanager
    def _raw(self, connection: Connection, changes: Changes, spool_number: Mapping[str, int]) -> Iterator[None]:
        """Raw rows; those of the last table, the many, are on their way while the block runs (`copying_in`).

        Gauges go into blocks (blocks.py) but for those with a text. The others in the order of machine ids, so that few
        share a page of the table and its index can tell them apart.
        """
        raw, numbers = changes.raw, np.array([spool_number[spool] for spool in changes.spools], np.int32)
        columns, text = self.raw_columns(raw, numbers)
        gauge = self._ids.signal_store[raw.batch.signal] == Store.GAUGE
        for which, table in ((~gauge, "sample_event"), (gauge & (text >= 0), "sample_gauge")):
            at = np.flatnonzero(which)
            at = at[np.argsort(columns["machine_id"][at], kind="stable")]
            copy_in(connection, table, _some(columns, at), raw.batch.texts, text[at])
        which = gauge & (text < 0)
        pieces = blocks.encode(_some(columns, which), raw.batch.machine[which])
        with copying_in(connection, blocks.TABLE, blocks.COLUMNS, pieces):
            yield

    def raw_columns(
        self, raw: RawRows, spool_number: NDArray[np.int32] | None = None
    ) -> tuple[dict[str, NDArray[Any]], NDArray[np.int32]]:
        """Raw rows as columns of their tables, and their texts; without `spool_number` spools are numbered from 0."""
        batch = raw.batch
        columns: dict[str, NDArray[Any]] = {
            "event_time": pg_time(batch.event_us),
            "machine_id": self._ids.machine[batch.machine],
            "signal_id": self._ids.signal[batch.signal],
            "source_id": raw.source_id,
            "value": batch.value,
            "raw": batch.raw,
            "quality": batch.quality.astype(np.int16),
            "flags": batch.flags.astype(np.int32),
            "seq": batch.seq,
            "spool_id": raw.spool if spool_number is None else spool_number[raw.spool],
            "record": raw.record,
            "row": raw.row,
            "received_time": pg_time(batch.received_us),
        }
        return columns, batch.text

    def _repairs(self, changes: Changes) -> None:
        """Stretches that were folded again, before the tails that follow them; of different machines at once."""
        waiting = list(changes.repairs)
        self._tails.forget(repair.machine for repair in waiting)
        while waiting:
            first = {repair.machine: repair for repair in reversed(waiting)}
            self._repair(list(first.values()))
            waiting = [repair for repair in waiting if first[repair.machine] is not repair]
        machines, upto = changes.repaired
        if machines:
            self._statements.add(
                "delete from stanok.recompute_request where machine_id = any (%s) and id <= %s",
                [self._ids.machine[list(machines)].tolist(), upto],
            )

    def _repair(self, repairs: Sequence[Repair]) -> None:
        minutes = self._where({r.machine: (r.from_us, r.until_us) for r in repairs})
        stretch = self._where({r.machine: (r.intervals_from, r.intervals_until) for r in repairs})
        rest = {r.machine: (r.from_us, FAR_US if r.to_present else r.until_us) for r in repairs}
        later = {machine: (from_us + 1, until_us) for machine, (from_us, until_us) in rest.items()}
        intervals = np.concatenate([r.intervals for r in repairs])
        self._intervals(intervals, stretch)
        self._programs(
            np.concatenate([r.programs for r in repairs]),
            self._where({r.machine: (r.programs_from, r.programs_until) for r in repairs}),
        )
        self._gaps(intervals, stretch)
        for repair in repairs:
            self._forget_credits(repair)
        delete_in(self._statements, "counter_event", self._where(rest), "at_time")
        self._counter_events(np.concatenate([r.counter_events for r in repairs]))
        delete_in(self._statements, "data_gap", self._where(rest), "booked_time", _COUNTS)
        self._count_gaps(np.concatenate([r.count_gaps for r in repairs]))
        delete_in(self._statements, "machine_snapshot", self._where(later), "hour")  # the one it began with stays
        self._snapshots([snapshot for r in repairs for snapshot in r.snapshots])
        self._send(minutes)
        for repair in repairs:
            self._credits(repair.credits)
        self._add_minutes(self._minute_columns(np.concatenate([r.facts for r in repairs])), minutes)

    def _minute_columns(
        self, facts: NDArray[np.void], closed_until_us: Mapping[int, int] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Columns of minutes. Open are those from `closed_until_us` of their machine on, all of a machine that it does
        not name, and none without it."""
        closed = np.full(len(self._ids.machine), FAR_US if closed_until_us is None else 0)
        for machine, until_us in (closed_until_us or {}).items():
            closed[machine] = until_us
        return {
            "machine_id": self._ids.machine[facts["machine"]],
            "minute": pg_time(facts["minute_us"]),
            **{f"{name}_id": facts[name] for name in ("shift", "program")},
            "job_order": facts["job_order"],
            **{name: facts[name] for name in MEASURES},
            "open": facts["minute_us"] >= closed[facts["machine"]],
        }

    def _add_minutes(self, columns: Mapping[str, NDArray[Any]], where: Where) -> None:
        """Minutes of stretches that were emptied."""
        copy_in(self._connection, "fact_minute", columns)
        if not columns["open"].all():
            self._rollup.add(where)

    def _intervals(self, intervals: NDArray[np.void], gone: Where) -> None:
        delete_in(self._statements, "state_interval", gone)
        columns = {**self._spans(intervals), **{name: intervals[name] for name in _STATE}}
        insert(self._statements, "state_interval", {**_SPAN, **_STATE}, columns)

    def _programs(self, programs: NDArray[np.void], gone: Where) -> None:
        delete_in(self._statements, "program_interval", gone)
        columns = {**self._spans(programs), "program_id": programs["program"]}
        insert(self._statements, "program_interval", {**_SPAN, "program_id": "bigint"}, columns)

    def _gaps(self, intervals: NDArray[np.void], gone: Where) -> None:
        """UNKNOWN intervals as gaps of scope `state`; a gap that is still there keeps the credits booked after it."""
        unknown = intervals[intervals["state"] == State.UNKNOWN]
        spans = self._spans(unknown)
        if some(gone):
            kept = array(spans["machine_id"]), array(spans["from_time"], "timestamptz")
            self._statements.add(_GAPS_GONE, [*gone, *kept])
        columns = {
            **spans,
            "source_id": self._ids.machine_source[unknown["machine"]],
            "cause": unknown["cause"],
            "scope": ["state"] * len(unknown),
            "outcome": [None if to_us == OPEN_END else "lost" for to_us in unknown["to_us"].tolist()],
        }
        insert(self._statements, "data_gap", _GAP, columns, _GAP_KEY)

    def _forget_credits(self, repair: Repair) -> None:
        """Credits that the repair books anew; those that were booked after it stay, they are totals."""
        self._statements.add(
            "update stanok.data_gap set credit_good_us = null, credit_total_us = null, parts = null, booked_time = null"
            " where machine_id = %s and scope in ('state', 'source') and from_time >= %s and booked_time < %s",
            [
                int(self._ids.machine[repair.machine]),
                datetime_from_us(repair.intervals_from),
                datetime_from_us(FAR_US if repair.to_present else repair.until_us),
            ],
        )

    def _gap_rows(self, changes: Changes) -> None:
        for (machine, source_id), since_us in changes.gap_rows_from.items():
            self._replace_gap_rows(machine, source_id, since_us, changes.gap_rows)
        self._many(
            "insert into stanok.source_gap values (%s, %s, %s, %s, %s, %s)",
            (
                (
                    int(self._ids.machine[row.machine]),
                    row.source_id,
                    datetime_from_us(row.from_us),
                    _moment(row.to_us),
                    row.cause,
                    row.recovered,
                )
                for row in changes.gap_rows
            ),
        )

    def _entries(self, changes: Changes, spool_number: Mapping[str, int]) -> None:
        """What people told: kept once, never changed."""
        self._many(
            "insert into stanok.operator_entry values"
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (id) do nothing",
            (
                (
                    entry.id,
                    spool_number[spool],
                    record,
                    entry.kind,
                    entry.takes_back or None,
                    int(self._ids.machine[self._plant.machine_index[entry.machine]]),
                    datetime_from_us(entry.from_us),
                    datetime_from_us(entry.to_us),
                    clean(entry.reason),
                    entry.reason_class,
                    entry.parts,
                    entry.program_id,
                    clean(entry.author),
                    clean(entry.note),
                    datetime_from_us(entry.entered_us),
                )
                for spool, record, entry in changes.entries
            ),
        )

    def _replace_gap_rows(self, machine: int, source_id: int, since_us: int, rows: Sequence[GapRow]) -> None:
        """Remove the records of a source from an instant on; with the first one go those that the machine has no more.

        Of several sources each is a gap of scope `source`; one that is still there keeps the credits booked after it.
        """
        ids = [self._plant.sources[feed.source].id for feed in self._plant.machines[machine].feeds]
        rank, since, machine_id = ids.index(source_id), datetime_from_us(since_us), int(self._ids.machine[machine])
        self._statements.add(
            "delete from stanok.source_gap where machine_id = %s and from_time >= %s"
            " and (source_id = %s or %s and source_id <> all (%s))",
            [machine_id, since, source_id, rank == 0, ids],
        )
        if rank == 0:
            self._statements.add(
                "delete from stanok.data_gap where machine_id = %s and scope = 'source' and from_time >= %s"
                " and source_id <> all (%s)",
                [machine_id, since, ids],
            )
        if len(ids) == 1:
            return
        mine = [row for row in rows if (row.machine, row.source_id) == (machine, source_id) and not row.recovered]
        self._statements.add(
            "delete from stanok.data_gap where machine_id = %s and scope = 'source' and source_id = %s"
            " and from_time >= %s and from_time <> all (%s::timestamptz[])",
            [machine_id, source_id, since, [datetime_from_us(row.from_us) for row in mine]],
        )
        # A source without part counters leaves nothing open that parts could fill.
        counts = any(name.startswith("part.") for name in self._plant.machines[machine].feeds[rank].signals)
        none = None if counts else 0
        self._many(
            "insert into stanok.data_gap (machine_id, source_id, scope, source_rank, from_time, to_time, cause,"
            " outcome, credit_good_us, credit_total_us) values (%s, %s, 'source', %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (machine_id, scope, from_time, counter, source_rank)"
            " do update set to_time = excluded.to_time, cause = excluded.cause, outcome = excluded.outcome",
            (
                (
                    *(machine_id, source_id, rank, datetime_from_us(row.from_us), _moment(row.to_us), row.cause),
                    *(None if row.to_us == OPEN_END else "lost", none, none),
                )
                for row in mine
            ),
        )

    def _credits(self, credits: NDArray[np.void]) -> None:
        """Totals of the gap that holds the instant (neighbours of one cause are one interval); the last counts."""
        for row in credits:
            at = datetime_from_us(row["gap_from_us"])
            amounts = [int(row[name]) for name in ("credit_good_us", "credit_total_us", "parts")]
            machine = self._plant.machines[row["machine"]]
            of_source = machine.more and row["source"] != NO_SOURCE
            source = self._plant.sources[machine.feeds[int(row["source"]) if of_source else 0].source]
            updated = self._connection.execute(
                "update stanok.data_gap set credit_good_us = %s, credit_total_us = %s, parts = %s, booked_time = %s"
                " where machine_id = %s and scope = %s and (scope = 'state' or source_id = %s)"
                " and from_time <= %s and (to_time > %s or to_time is null)",
                (
                    *amounts,
                    datetime_from_us(row["booked_us"]),
                    machine.id,
                    "source" if of_source else "state",
                    source.id,
                    at,
                    at,
                ),
            )
            if not updated.rowcount:
                log.warning("%s: parts were booked after a gap at %s that has no length", machine.name, at)

    def _counter_events(self, events: NDArray[np.void]) -> None:
        self._upsert(
            "counter_event",
            ("machine_id", "counter", "at_time", "what"),
            (
                {
                    "machine_id": int(self._ids.machine[row["machine"]]),
                    "at_time": datetime_from_us(row["at_us"]),
                    "from_time": datetime_from_us(row["from_us"]),
                    **{name: int(row[name]) for name in ("counter", "what", "last", "reading", "parts")},
                }
                for row in events
            ),
        )

    def _count_gaps(self, gaps: NDArray[np.void]) -> None:
        rows = []
        for row in gaps:
            gauge = row["counter"] < 0
            signals = self._plant.machines[row["machine"]].signal_names
            good, scrap = (0, 0) if gauge else effect_of(signals, int(row["counter"]))
            credit = int(row["credit_us"])
            lasting = row["to_us"] == OPEN_END
            rows.append(
                {
                    "machine_id": int(self._ids.machine[row["machine"]]),
                    "scope": "gauge" if gauge else "count",
                    "from_time": datetime_from_us(row["from_us"]),
                    "counter": int(row["counter"]),
                    "source_rank": 0,
                    "to_time": _moment(row["to_us"]),
                    "source_id": int(self._ids.machine_source[row["machine"]]),
                    "cause": int(row["cause"]),
                    "outcome": None if lasting else "lost",
                    "credit_good_us": None if lasting or gauge else good * credit,
                    "credit_total_us": None if lasting or gauge else (good + scrap) * credit,
                    "parts": None if lasting or gauge else int(row["parts"]),
                    "booked_time": _moment(row["booked_us"]),
                    "good_sign": good,
                    "scrap_sign": scrap,
                    "credit_us": credit,
                    "least_us": int(row["least_us"]),
                    "most_us": None if row["most_us"] == NOT_LIMITED else int(row["most_us"]),
                    "pri_us": int(row["pri_us"]),
                }
            )
        self._upsert("data_gap", _GAP_KEY, rows)

    def _live(self, changes: Changes) -> None:
        live = changes.live
        columns: dict[str, Any] = {
            "machine_id": self._ids.machine[[row.machine for row in live]],
            "as_of": [row.as_of_us for row in live],
            "settled": [row.settled_us for row in live],
            "since": [row.since_us for row in live],
            "state": [int(row.state) for row in live],
            "cause": [int(row.cause) for row in live],
            "rule": [row.rule for row in live],
            "program_id": [row.program for row in live],
            "shift_id": [row.shift for row in live],
            "spindle_turning": [row.spindle_turning for row in live],
            "spindle_speed": [row.spindle_speed for row in live],
        }
        insert(self._statements, "machine_live", _LIVE, columns, ("machine_id",))

    def _frontiers(self, changes: Changes) -> None:
        found = changes.frontiers
        columns: dict[str, Any] = {
            "machine_id": self._ids.machine[[row.machine for row in found]],
            "source_id": [row.source_id for row in found],
            "last_event": [row.last_event_us for row in found],
            "last_heartbeat": [row.last_heartbeat_us for row in found],
            "last_life": [row.last_life_us for row in found],
            "gap_from": [row.gap_from_us for row in found],
            "heard": [row.heard_us for row in found],
        }
        insert(self._statements, "source_frontier", _FRONTIER, columns, ("machine_id", "source_id"))

    def _snapshots(self, snapshots: Sequence[Snapshot]) -> None:
        self._upsert(
            "machine_snapshot",
            ("machine_id", "hour"),
            (
                {
                    "machine_id": int(self._ids.machine[snapshot.machine]),
                    "hour": datetime_from_us(snapshot.hour_us),
                    "plant_hash": self._plant.hash,
                    "code_version": snapshot.code_version,
                    "state": snapshot.state,
                }
                for snapshot in snapshots
            ),
        )

    def _shifts(self, changes: Changes) -> None:
        self._upsert(
            "shift_instance",
            ("id",),
            (
                {
                    "id": int(shift.id),
                    "site_id": int(self._ids.site[shift.site]),
                    "name": shift.name,
                    "production_day": shift.production_day,
                    "start_time": datetime_from_us(shift.start_us),
                    "end_time": datetime_from_us(shift.end_us),
                }
                for shift in changes.shifts
            ),
        )

    def _late(self, changes: Changes) -> None:
        self._many(
            "insert into stanok.recompute_request (machine_id, from_time, to_time, cause, requested)"
            " values (%s, %s, %s, %s, %s)",
            (
                (
                    int(self._ids.machine[late.machine]),
                    datetime_from_us(late.from_us),
                    datetime_from_us(late.to_us),
                    late.cause,
                    _moment(changes.tick_us),
                )
                for late in changes.late
            ),
        )

    def _quarantine(self, changes: Changes, spool_number: Mapping[str, int]) -> None:
        self._many(
            "insert into stanok.quarantine values (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                (
                    spool_number[spool],
                    record,
                    Source(source, "", 0, {}).id,
                    None if item.machine < 0 else int(self._ids.machine[item.machine]),
                    datetime_from_us(received_us),
                    clean(item.reason),
                    clean(item.origin),
                    item.raw,
                )
                for spool, record, source, received_us, item in changes.quarantine
            ),
        )

    def _tick(self, tick_us: int) -> None:
        if tick_us >= 0:
            self._upsert("engine_state", ("one",), [{"one": True, "tick_time": datetime_from_us(tick_us)}])

    def _where(self, found: Stretches) -> Where:
        return stretches(self._ids.machine[list(found)], found.values())

    def _gone(self, found: Difference) -> Where:
        machines, from_us = found.gone["machine"].tolist(), found.gone["from_us"].tolist()
        spans = [*_tails(found.whole).values(), *((at, at + 1) for at in from_us)]
        return stretches(self._ids.machine[[*found.whole, *machines]], spans)

    def _spans(self, rows: NDArray[np.void]) -> dict[str, NDArray[Any]]:
        """Columns of _SPAN; the end that is open is NULL, OPEN_END is what `insert` takes for it."""
        return {
            "machine_id": self._ids.machine[rows["machine"]],
            "from_time": rows["from_us"],
            "to_time": rows["to_us"],
        }

    def _upsert(self, table: str, key: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
        found = list(rows)
        if not found:
            return
        names = list(found[0])
        changed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
        values = ", ".join(f"%({name})s" for name in names)
        self._many(
            f"insert into stanok.{table} ({', '.join(names)}) values ({values})"
            f" on conflict ({', '.join(key)}) do update set {changed}",
            found,
        )

    def _many(self, statement: str, rows: Iterable[Sequence[Any] | Mapping[str, Any]]) -> None:
        for row in rows:
            self._statements.add(statement, row)


def _some(columns: Mapping[str, NDArray[Any]], which: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {name: values[which] for name, values in columns.items()}


def _moment(us: int) -> datetime | None:
    """The instant, or None for -1: never, none, still open."""
    return None if us < 0 else datetime_from_us(us)
