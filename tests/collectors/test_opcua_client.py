"""The OPC UA collector against a real asyncua server: nothing lost, nothing twice, nothing under a wrong signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from asyncua import ua

from collectors.opcua.client import OpcUaCollector
from collectors.opcua.profiles import DEFAULT_SIGNALS
from collectors.opcua.session import Session
from core.samples.records import Gap, RowKind
from core.units import us_from_datetime
from core.vocabulary import Cause, ClockChoice, Execution, Flag, Quality
from simulators.opcua_server import NAMESPACES, OpcUaServer
from simulators.outlet import Sample
from tests.fix_opcua import PROFILE, Bench, opcua_plant, running, until, with_signals

NOW_US = time.time_ns() // 1000 - 1_000_000


def counts(number: int, machine: int = 0) -> list[Sample]:
    return [Sample(machine, "part.total", NOW_US + 7 * at, 100 + at, at) for at in range(number)]


# Asyncua's own objects, which it leaves untyped.
def subscriptions(server: OpcUaServer) -> list:  # type: ignore[type-arg]  # of asyncua's own objects
    assert server._server is not None
    return list(server._server.iserver.subscription_service.subscriptions.values())


async def ready(bench: Bench, collector: OpcUaCollector) -> None:
    """Subscribed, and the initial values are stored."""
    already = len(bench.sink.beats())
    await until(lambda: collector.status().ready and len(bench.sink.beats()) > already)


async def test_every_change_of_a_burst_arrives_exactly_once_with_its_exact_time(bench: Bench) -> None:
    server, burst = bench.server(), counts(900)
    await server.start({0: {"part.total": (NOW_US - 5, 99)}})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await server.send(burst)
        await until(lambda: len(bench.seen("part.total")) >= len(burst))
    await server.stop()
    assert bench.seen("part.total") == [(sample.event_us, float(sample.value), "") for sample in burst]
    assert bench.seen("part.total", initial=True)[0] == (NOW_US - 5, 99.0, "")
    assert bench.sink.gaps() == []
    status = collector.status()
    assert (status.stored, status.rejected) == (901, 0)


async def test_words_texts_and_switches_arrive_as_canonical_values(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    sent: dict[str, tuple[object, float, str]] = {
        "ctrl.execution": ("ready", float(Execution.READY), ""),
        "ctrl.mode": ("mdi", 1.0, ""),
        "ctrl.estop": (True, 1.0, ""),
        "ctrl.wait_for": ("operator", 5.0, ""),
        "prog.name": ("SHAFT-40", float("nan"), "SHAFT-40"),
        "spindle.1.load": (41.5, 41.5, ""),
    }
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        # Values of any type are the point.
        await server.send([Sample(1, name, NOW_US, value, 0) for name, (value, _, _) in sent.items()])  # type: ignore[arg-type]  # any value a test names
        await until(lambda: collector.status().stored == len(sent))
    await server.stop()
    for name, (_, value, text) in sent.items():
        assert bench.seen(name, machine=1) == [(NOW_US, pytest.approx(value, nan_ok=True), text)]
        assert bench.seen(name, machine=0) == []


async def test_a_notification_is_acknowledged_only_after_it_is_stored(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await until(lambda: not subscriptions(server)[0]._not_acknowledged_results)
        bench.sink.gate.clear()
        await server.send(counts(10))
        await until(lambda: bench.sink.blocked)
        held = set(subscriptions(server)[0]._not_acknowledged_results)
        await server.send([Sample(0, "ctrl.estop", NOW_US, True, 11)])
        await asyncio.sleep(0.3)  # several publishing intervals: an early acknowledgement would show
        assert held
        assert held <= set(subscriptions(server)[0]._not_acknowledged_results)
        assert bench.seen("part.total") == []
        bench.sink.gate.set()
        await until(lambda: not subscriptions(server)[0]._not_acknowledged_results)
    await server.stop()
    assert len(bench.seen("part.total")) == 10
    assert len(bench.seen("ctrl.estop")) == 1


async def test_while_the_spool_fails_nothing_is_acknowledged_and_nothing_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.opcua.intake.SPOOL_PAUSE_S", 0.05)
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        bench.sink.broken = True
        await server.send(counts(5))
        await until(lambda: "the disk is full" in collector.status().note)
        await server.send([Sample(0, "part.scrap", NOW_US, 3, 9)])
        await until(lambda: len(subscriptions(server)[0]._not_acknowledged_results) == 1)
        bench.sink.broken = False
        await until(lambda: bench.seen("part.scrap"))
    await server.stop()
    assert len(bench.seen("part.total")) == 5
    assert collector.status().note.startswith("opc.tcp") or collector.status().note == "not connected yet"


async def test_a_server_restart_rebuilds_all_items_and_leaves_one_gap_pair(bench: Bench) -> None:
    server = bench.server()
    await server.start({0: {"part.total": (NOW_US, 1)}})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await server.stop()
        await until(lambda: not collector.status().connected)
        last = int(bench.sink.beats()[-1].at_us[0])
        again = bench.server()
        await again.start({0: {"part.total": (NOW_US, 1)}})
        await until(lambda: bench.sink.gaps())
        await ready(bench, collector)
        await again.send(counts(3))
        await until(lambda: len(bench.seen("part.total")) == 3)
        items = subscriptions(again)[0].monitored_item_srv._monitored_items
        assert len(items) == 2 * len(DEFAULT_SIGNALS[PROFILE])
    await again.stop()
    opened, closed = bench.sink.gaps()
    assert (opened.opened, closed.opened) == (True, False)
    assert opened.at_us == last < closed.at_us
    assert opened.machines == closed.machines == (0, 1)
    assert opened.cause in (Cause.DISCONNECTED, Cause.SESSION_LOST)
    at = bench.sink.kinds().index(RowKind.GAP)
    assert bench.sink.kinds()[at : at + 4] == [RowKind.GAP, RowKind.GAP, RowKind.SAMPLES, RowKind.HEARTBEAT]


async def test_a_restarted_collector_writes_the_gap_since_its_last_proof_of_life(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as first:
        await ready(bench, first)
    last = int(bench.sink.beats()[-1].at_us[0])
    assert bench.sink.gaps() == []
    async with running(bench.collector()) as second:
        await ready(bench, second)
    await server.stop()
    opened, closed = bench.sink.gaps()
    assert opened == Gap(True, last, Cause.RESTART, (0, 1))
    assert not closed.opened
    assert closed.at_us > last


async def test_another_namespace_order_after_a_restart_puts_no_value_under_a_wrong_signal(bench: Bench) -> None:
    orders = NAMESPACES, tuple(reversed(NAMESPACES))
    speeds, totals = (1111.0, 2222.0), (11, 22)
    nodes = []
    async with running(bench.collector()) as collector:
        for order, speed, total in zip(orders, speeds, totals, strict=True):
            server = bench.server(order)
            await server.start({})
            nodes.append(dict(server.nodes))
            await ready(bench, collector)
            await server.send(
                [Sample(1, "spindle.1.speed", NOW_US, speed, 0), Sample(1, "part.total", NOW_US, total, 1)]
            )
            await until(lambda wanted=float(total): bench.seen("part.total", 1)[-1:] == [(NOW_US, wanted, "")])
            await server.stop()
            await until(lambda: not collector.status().connected)
    assert nodes[0] != nodes[1], "the restart should have moved the nodes to other namespace numbers"
    assert [value for _, value, _ in bench.seen("spindle.1.speed", 1)] == list(speeds)
    assert [value for _, value, _ in bench.seen("part.total", 1)] == [float(total) for total in totals]
    assert collector.status().stored == 4


SERVER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from dataclasses import replace
from tests.fix_opcua import Bench, opcua_plant
async def main():
    plant = opcua_plant(1)
    source = replace(plant.sources[0], settings={{**plant.sources[0].settings, "endpoint": sys.argv[1]}})
    server = Bench(replace(plant, sources=(source,))).server()
    await server.start({{}})
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_frozen_server_is_detected_and_used_again_when_it_wakes() -> None:
    bench = Bench(opcua_plant(1))
    script = SERVER.format(root=str(Path(__file__).parents[2]))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, bench.source.settings["endpoint"], stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"up\n"
        async with running(bench.collector()) as collector:
            await ready(bench, collector)
            os.kill(process.pid, signal.SIGSTOP)
            try:
                await until(lambda: "no publish answer" in collector.status().note)
                assert not collector.status().connected
            finally:
                os.kill(process.pid, signal.SIGCONT)
            await until(lambda: bench.sink.gaps())
            await ready(bench, collector)
    finally:
        process.kill()
        await process.wait()
    assert [gap.cause for gap in bench.sink.gaps()[:2]] == [Cause.DISCONNECTED, Cause.DISCONNECTED]


async def test_an_unknown_node_leaves_the_others_live_and_is_tried_again_until_it_is_there() -> None:
    known = {"part.total": DEFAULT_SIGNALS[PROFILE]["part.total"]}
    plant = opcua_plant(2, known)
    wanted = with_signals(plant, 1, known | {"spindle.1.temp": "nsu=http://stanok.example/plant;s=m1.temp"})
    bench = Bench(wanted)
    server = OpcUaServer(wanted, "cell", bench.source.settings["endpoint"])
    await server.start({})
    async with running(bench.collector()) as collector:
        await until(lambda: len(bench.sink.beats()) > 1)
        status = collector.status()
        assert status.connected
        assert not status.ready
        assert "1 of 3 items are missing: minsk/m1 spindle.1.temp (BadNodeIdUnknown)" in status.note
        await server.send(counts(2, machine=1))
        await until(lambda: len(bench.seen("part.total", 1)) == 2)
        assert server._server is not None
        index = await server._server.get_namespace_index("http://stanok.example/plant")
        await server._server.nodes.objects.add_variable(f"ns={index};s=m1.temp", "temp", 36.6)
        await ready(bench, collector)
        await until(lambda: bench.seen("spindle.1.temp", 1, initial=True))
    await server.stop()
    assert bench.seen("spindle.1.temp", 1, initial=True)[0][1] == 36.6


async def test_a_machine_that_is_not_there_gets_no_heartbeat() -> None:
    plant = opcua_plant(2)
    ghost = replace(plant.machines[1], mapping={**plant.machines[1].mapping, "path": "m9"})
    bench = Bench(replace(plant, machines=(plant.machines[0], ghost)))
    server = OpcUaServer(plant, "cell", bench.source.settings["endpoint"])
    await server.start({})
    async with running(bench.collector()) as collector:
        await until(lambda: len(bench.sink.beats()) > 1)
        assert "no node m9" in collector.status().note
    await server.stop()
    assert {tuple(beat.machine.tolist()) for beat in bench.sink.beats()} == {(0,)}


async def test_bad_null_and_wrong_types_become_quality_nothing_and_quarantine(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    at = datetime.now(UTC)
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        bad = ua.StatusCode(ua.UInt32(0x80050000))
        await server.write(0, "part.total", ua.DataValue(ua.Variant(7, ua.VariantType.Int32), SourceTimestamp=at))
        await server.write(0, "part.total", ua.DataValue(StatusCode=bad, SourceTimestamp=at))
        force_type(server, 0, "part.total")
        await server.write(0, "part.total", ua.DataValue(ua.Variant(None, ua.VariantType.Null), SourceTimestamp=at))
        force_type(server, 0, "part.scrap")
        await server.write(0, "part.scrap", ua.DataValue(ua.Variant("seven"), SourceTimestamp=at))
        await server.send([Sample(0, "ctrl.estop", us_from_datetime(at), True, 0)])
        await until(lambda: bench.seen("ctrl.estop"))
    await server.stop()
    batch = bench.sink.batch()
    quality = [Quality(int(found)) for found in batch.quality[batch.signal == bench.plant.signal_index["part.total"]]]
    assert quality == [Quality.GOOD, Quality.BAD]
    assert bench.seen("part.total")[0][:2] == (us_from_datetime(at), 7.0)
    (reject,) = bench.sink.rejects()
    assert reject.reason == "minsk/m0 part.scrap: str is no counter"
    assert reject.machine == 0
    assert b"seven" in reject.raw
    assert collector.status().rejected == 1


def force_type(server: OpcUaServer, machine: int, name: str) -> None:
    """Let a variable take a value of any type, as a badly programmed server would."""
    assert server._server is not None
    node = server._server.iserver.aspace[server.nodes[machine, name]]
    node.attributes[ua.AttributeIds.Value].value = None


async def test_an_impossible_source_time_gives_way_to_the_servers(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    stamped = [datetime.now(UTC) + timedelta(microseconds=at) for at in range(3)]
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        for year, moment in zip((1601, 2099, 9999), stamped, strict=True):
            value = ua.Variant(year, ua.VariantType.Int32)
            source = datetime(year, 1, 1, tzinfo=UTC)
            await server.write(0, "part.total", ua.DataValue(value, SourceTimestamp=source, ServerTimestamp=moment))
        await until(lambda: len(bench.seen("part.total")) == 3)
    await server.stop()
    assert [event_us for event_us, _, _ in bench.seen("part.total")] == [us_from_datetime(at) for at in stamped]
    assert {int(flags) & Flag.CLOCK_MASK for flags in bench.sink.batch().flags} == {ClockChoice.SERVER}


async def test_every_machine_has_a_heartbeat_at_least_every_second(bench: Bench) -> None:
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await until(lambda: len(bench.sink.beats()) >= 3)
    await server.stop()
    beats = [beat.at_us.tolist() for beat in bench.sink.beats()]
    assert all(len(beat) == 2 for beat in beats)
    steps = [after[0] - before[0] for before, after in pairwise(beats)]
    assert all(0 <= step <= 1_200_000 for step in steps), steps


async def test_a_lost_notification_is_fetched_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    swallow_one_answer(monkeypatch)
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await server.send(counts(4))
        await until(lambda: len(bench.seen("part.total")) == 4)
    await server.stop()
    assert SWALLOWED == [True]
    assert bench.sink.gaps() == []
    assert [value for _, value, _ in bench.seen("part.total")] == [100.0, 101.0, 102.0, 103.0]
    assert collector.status().stored == 4


async def test_a_notification_that_is_gone_leaves_a_gap_pair(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    swallow_one_answer(monkeypatch)

    async def gone(*_: object) -> None:
        return None

    monkeypatch.setattr(Session, "republish", gone)
    server = bench.server()
    await server.start({})
    async with running(bench.collector()) as collector:
        await ready(bench, collector)
        await server.send(counts(4))
        await until(lambda: bench.sink.gaps())
        assert collector.status().connected
    await server.stop()
    opened, closed = bench.sink.gaps()
    assert (opened.opened, closed.opened) == (True, False)
    assert opened.cause is Cause.SESSION_LOST
    assert opened.at_us < closed.at_us


SWALLOWED: list[bool] = []


def swallow_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first publish answer with new values of part.total never reaches the collector."""
    SWALLOWED.clear()
    publish = Session.publish

    # Asyncua leaves what it replaces untyped.
    async def lossy(self, subscription, acknowledged):  # type: ignore[no-untyped-def]  # in the place of asyncua's own
        answer = await publish(self, subscription, acknowledged)
        parts = answer.NotificationMessage.NotificationData
        if not SWALLOWED and parts and any(change.Value.Value.Value == 100 for change in parts[0].MonitoredItems):
            SWALLOWED.append(True)
            return await publish(self, subscription, [])
        return answer

    monkeypatch.setattr(Session, "publish", lossy)
