"""How each part of `Changes` becomes rows: one function a table, all inside the caller's transaction.

Many rows go by binary COPY, few by pipelined statements. Tails are replaced whole and every value is absolute, so the
same changes again give the same rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import MEASURES, OPEN_END, Changes, RawRows, Repair, Snapshot
from core.plant.model import Plant, Source
from core.units import FAR_US, datetime_from_us
from core.vocabulary import State, Store
from storage.pg.connect import Connection
from storage.pg.copying import clean, copy_in, pg_time
from storage.pg.plant import add_orders, add_programs
from storage.pg.positions import Positions, positions_of
from storage.pg.rollup import Rollup, Where

log = logging.getLogger(__name__)

RAW_TABLES = {Store.EVENT: "sample_event", Store.GAUGE: "sample_gauge"}

Stretches = Mapping[int, tuple[int, int]]
"""By machine: from when until when rows are replaced [µs]."""


def _tails(since_us: Mapping[int, int]) -> Stretches:
    return {machine: (us, FAR_US) for machine, us in since_us.items()}


class Writer:
    """Writes changes of one plant. `spool_number`: number of each spool in the raw tables."""

    def __init__(self, connection: Connection, plant: Plant) -> None:
        self._connection = connection
        self._plant = plant
        self._ids: Positions = positions_of(plant)

    def write(self, changes: Changes, spool_number: Mapping[str, int]) -> None:
        """Everything but the cursors."""
        self._rollup = Rollup(self._connection)
        self._raw(changes.raw, np.array([spool_number[spool] for spool in changes.spools], np.int32))
        add_programs(self._connection, {key: clean(name) for key, name in changes.programs.items()})
        add_orders(self._connection, {key: clean(name) for key, name in changes.orders.items()})
        self._shifts(changes)
        self._repairs(changes)
        self._counter_events(changes.counter_events)
        self._facts(changes.facts, _tails(changes.facts_from), changes.closed_until_us)
        self._rollup.finish()
        self._intervals(changes.intervals, _tails(changes.intervals_from))
        self._programs(changes.program_intervals, _tails(changes.program_intervals_from))
        self._gaps(changes.intervals, _tails(changes.intervals_from))
        self._credits(changes.gap_credits)
        self._gap_rows(changes)
        self._entries(changes, spool_number)
        self._live(changes)
        self._frontiers(changes)
        self._snapshots(changes.snapshots)
        self._late(changes)
        self._quarantine(changes, spool_number)
        self._tick(changes.tick_us)

    def _raw(self, raw: RawRows, spool_number: NDArray[np.int32]) -> None:
        store = self._ids.signal_store[raw.batch.signal]
        for kind, table in RAW_TABLES.items():
            self._raw_table(table, raw, np.flatnonzero(store == kind), spool_number)

    def _raw_table(self, table: str, raw: RawRows, which: NDArray[np.intp], spool_number: NDArray[np.int32]) -> None:
        batch = raw.batch
        if not len(which):
            return
        columns: dict[str, NDArray[Any]] = {
            "event_time": pg_time(batch.event_us[which]),
            "machine_id": self._ids.machine[batch.machine[which]],
            "signal_id": self._ids.signal[batch.signal[which]],
            "source_id": raw.source_id[which],
            "value": batch.value[which],
            "raw": batch.raw[which],
            "quality": batch.quality[which].astype(np.int16),
            "flags": batch.flags[which].astype(np.int32),
            "seq": batch.seq[which],
            "spool_id": spool_number[raw.spool[which]],
            "record": raw.record[which],
            "row": raw.row[which],
            "received_time": pg_time(batch.received_us[which]),
        }
        copy_in(self._connection, table, columns, batch.texts, batch.text[which])

    def _repairs(self, changes: Changes) -> None:
        """Stretches that were folded again, before the tails that follow them."""
        for repair in changes.repairs:
            machine = repair.machine
            self._facts(repair.facts, {machine: (repair.from_us, repair.until_us)})
            stretch = {machine: (repair.intervals_from, repair.intervals_until)}
            self._intervals(repair.intervals, stretch)
            self._programs(repair.programs, {machine: (repair.programs_from, repair.programs_until)})
            self._gaps(repair.intervals, stretch)
            self._forget_credits(repair)
            self._credits(repair.credits)
            self._delete(
                "delete from stanok.counter_event where machine_id = %s and at_time >= %s and at_time < %s",
                {machine: (repair.from_us, FAR_US if repair.to_present else repair.until_us)},
            )
            self._counter_events(repair.counter_events)
            self._delete(
                "delete from stanok.machine_snapshot where machine_id = %s and hour > %s and hour < %s",
                {machine: (repair.from_us, FAR_US if repair.to_present else repair.until_us)},
            )
            self._snapshots(repair.snapshots)
        machines, upto = changes.repaired
        self._connection.execute(
            "delete from stanok.recompute_request where machine_id = any (%s) and id <= %s",
            [self._ids.machine[list(machines)].tolist(), upto],
        )

    def _facts(
        self, facts: NDArray[np.void], stretch: Stretches, closed_until_us: Mapping[int, int] | None = None
    ) -> None:
        """Replace the minutes of the stretches. Open are those from `closed_until_us` of their machine on, all of a
        machine that it does not name, and none without it."""
        where = self._where(stretch)
        self._rollup.remove(where)
        closed = np.full(len(self._ids.machine), FAR_US if closed_until_us is None else 0)
        for machine, until_us in (closed_until_us or {}).items():
            closed[machine] = until_us
        columns: dict[str, NDArray[Any]] = {
            "machine_id": self._ids.machine[facts["machine"]],
            "minute": pg_time(facts["minute_us"]),
            **{f"{name}_id": facts[name] for name in ("shift", "program")},
            "job_order": facts["job_order"],
            **{name: facts[name] for name in MEASURES},
            "open": facts["minute_us"] >= closed[facts["machine"]],
        }
        copy_in(self._connection, "fact_minute", columns)
        if not columns["open"].all():
            self._rollup.add(where)

    def _intervals(self, intervals: NDArray[np.void], stretch: Stretches) -> None:
        self._delete(
            "delete from stanok.state_interval where machine_id = %s and from_time >= %s and from_time < %s", stretch
        )
        self._many(
            "insert into stanok.state_interval values (%s, %s, %s, %s, %s, %s)",
            ((*self._span(row), int(row["state"]), int(row["cause"]), int(row["rule"])) for row in intervals),
        )

    def _programs(self, programs: NDArray[np.void], stretch: Stretches) -> None:
        self._delete(
            "delete from stanok.program_interval where machine_id = %s and from_time >= %s and from_time < %s", stretch
        )
        self._many(
            "insert into stanok.program_interval values (%s, %s, %s, %s)",
            ((*self._span(row), int(row["program"])) for row in programs),
        )

    def _gaps(self, intervals: NDArray[np.void], stretch: Stretches) -> None:
        """UNKNOWN intervals as gaps of scope `state`; a gap that is still there keeps the credits booked after it."""
        unknown = intervals[intervals["state"] == State.UNKNOWN]
        kept: dict[int, list[datetime]] = {machine: [] for machine in stretch}
        for row in unknown:
            kept[int(row["machine"])].append(datetime_from_us(row["from_us"]))
        self._many(
            "delete from stanok.data_gap where machine_id = %s and scope = 'state' and from_time >= %s"
            " and from_time < %s and from_time <> all (%s::timestamptz[])",
            (
                (int(self._ids.machine[machine]), datetime_from_us(since), datetime_from_us(until), kept[machine])
                for machine, (since, until) in stretch.items()
            ),
        )
        self._many(
            "insert into stanok.data_gap (machine_id, from_time, to_time, source_id, scope, cause, outcome)"
            " values (%s, %s, %s, %s, 'state', %s, %s) on conflict (machine_id, scope, from_time)"
            " do update set to_time = excluded.to_time, cause = excluded.cause, outcome = excluded.outcome",
            (
                (
                    *self._span(row),
                    int(self._ids.machine_source[row["machine"]]),
                    int(row["cause"]),
                    None if row["to_us"] == OPEN_END else "lost",
                )
                for row in unknown
            ),
        )

    def _forget_credits(self, repair: Repair) -> None:
        """Credits that the repair books anew; those that were booked after it stay, they are totals."""
        self._connection.execute(
            "update stanok.data_gap set credit_good_us = null, credit_total_us = null, parts = null, booked_time = null"
            " where machine_id = %s and scope = 'state' and from_time >= %s and booked_time < %s",
            [
                int(self._ids.machine[repair.machine]),
                datetime_from_us(repair.intervals_from),
                datetime_from_us(FAR_US if repair.to_present else repair.until_us),
            ],
        )

    def _gap_rows(self, changes: Changes) -> None:
        self._delete(
            "delete from stanok.source_gap where machine_id = %s and from_time >= %s and from_time < %s",
            _tails(changes.gap_rows_from),
        )
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

    def _credits(self, credits: NDArray[np.void]) -> None:
        """Totals of the gap that holds the instant (neighbours of one cause are one interval); the last counts."""
        for row in credits:
            at = datetime_from_us(row["gap_from_us"])
            amounts = [int(row[name]) for name in ("credit_good_us", "credit_total_us", "parts")]
            machine = self._plant.machines[row["machine"]]
            updated = self._connection.execute(
                "update stanok.data_gap set credit_good_us = %s, credit_total_us = %s, parts = %s, booked_time = %s"
                " where machine_id = %s and scope = 'state' and from_time <= %s and (to_time > %s or to_time is null)",
                (*amounts, datetime_from_us(row["booked_us"]), machine.id, at, at),
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

    def _live(self, changes: Changes) -> None:
        self._upsert(
            "machine_live",
            ("machine_id",),
            (
                {
                    "machine_id": int(self._ids.machine[live.machine]),
                    "as_of": _moment(live.as_of_us),
                    "settled": _moment(live.settled_us),
                    "state": int(live.state),
                    "cause": int(live.cause),
                    "rule": int(live.rule),
                    "since": _moment(live.since_us),
                    "program_id": int(live.program),
                    "shift_id": int(live.shift),
                    "spindle_turning": bool(live.spindle_turning),
                    "spindle_speed": float(live.spindle_speed),
                }
                for live in changes.live
            ),
        )

    def _frontiers(self, changes: Changes) -> None:
        self._upsert(
            "source_frontier",
            ("machine_id", "source_id"),
            (
                {
                    "machine_id": int(self._ids.machine[frontier.machine]),
                    "source_id": int(frontier.source_id),
                    "last_event": _moment(frontier.last_event_us),
                    "last_heartbeat": _moment(frontier.last_heartbeat_us),
                    "last_life": _moment(frontier.last_life_us),
                    "gap_from": _moment(frontier.gap_from_us),
                    "heard": _moment(frontier.heard_us),
                }
                for frontier in changes.frontiers
            ),
        )

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

    def _delete(self, statement: LiteralString, stretches: Stretches) -> None:
        """One statement a machine: joined with a list, the planner may choose to read the whole table."""
        self._many(
            statement,
            (
                (int(self._ids.machine[machine]), datetime_from_us(since), datetime_from_us(until))
                for machine, (since, until) in stretches.items()
            ),
        )

    def _where(self, stretches: Stretches) -> Where:
        return (
            self._ids.machine[list(stretches)].tolist(),
            [datetime_from_us(since) for since, _ in stretches.values()],
            [datetime_from_us(until) for _, until in stretches.values()],
        )

    def _span(self, row: np.void) -> tuple[int, datetime, datetime | None]:
        return int(self._ids.machine[row["machine"]]), datetime_from_us(row["from_us"]), _moment(row["to_us"])

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
        with self._connection.cursor() as cursor:
            cursor.executemany(statement.encode(), list(rows))


def _moment(us: int) -> datetime | None:
    """The instant, or None for -1: never, none, still open."""
    return None if us < 0 else datetime_from_us(us)
