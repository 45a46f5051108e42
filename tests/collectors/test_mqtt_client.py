"""Publisher -> real broker -> collector -> sink: nothing lost, nothing acknowledged early, silence told from life."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack

import pytest
from paho.mqtt import client as paho

from collectors.mqtt.connection import Connection, VersionError
from collectors.mqtt.inbox import Inbox, Opened, Raw
from collectors.mqtt.settings import source_settings
from core.plant.model import Plant
from core.vocabulary import Cause, Flag
from simulators.mqtt_publisher import MqttPublisher
from simulators.outlet import ONLINE, Sample
from stanok.broker import DemoBroker
from stanok.clock import RealClock
from tests.collectors.mqtt_bench import MemorySink, collecting, make_plant, publisher, until
from tests.fix_broker import BrokerAddress
from tests.servers import free_port


def now_us() -> int:
    return time.time_ns() // 1000


def topic_of(plant: Plant, machine: int = 0) -> str:
    return str(plant.machines[machine].mapping["topic"])


def own(seq: int, *values: int) -> bytes:
    return json.dumps({"seq": seq, "s": [[now_us(), "part.total", value] for value in values]}).encode()


def changes(machine: int, first: int, count: int) -> list[Sample]:
    at_us = now_us() - count
    return [Sample(machine, "spindle.1.speed", at_us + n, float(first + n), first + n) for n in range(count)]


PRESENT = {0: {"ctrl.execution": (now_us() - 5_000_000, "active")}, 1: {}}


async def test_every_sample_of_the_simulated_machines_arrives_exactly_once(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port), MemorySink()
    machines = MqttPublisher(plant, "src", mqtt_broker.host, mqtt_broker.port)
    async with collecting(plant, sink) as collector:
        await machines.start(PRESENT)
        await until(lambda: sink.beats_of(0) and sink.beats_of(1), "both machines live")
        sent = [sample for n in range(5) for sample in (*changes(0, 300 * n, 300), *changes(1, 70 * n, 70))]
        await machines.send(sent)
        await until(lambda: len(sink.numbers(0)) == 1500 and len(sink.numbers(1)) == 350, "all samples")
        await until(
            lambda: collector.status().stored == collector.status().received == 1853, "1850, one seed, two births"
        )
        status = collector.status()
        await machines.stop()
    batch = sink.samples
    live = batch.take(batch.seq >= 0)
    columns = (live.machine, live.seq, live.event_us, live.value)
    got = {(int(m), int(s), int(e), float(v)) for m, s, e, v in zip(*columns, strict=True)}
    assert got == {(sample.machine, sample.seq, sample.event_us, sample.value) for sample in sent}
    assert len(live) == len(sent)
    assert not sink.gaps
    assert not sink.quarantine
    assert (status.connected, status.ready, status.rejected, status.note) == (True, True, 0, "")


async def test_present_values_reach_a_collector_that_comes_later_as_initial(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port), MemorySink()
    machines = MqttPublisher(plant, "src", mqtt_broker.host, mqtt_broker.port)
    await machines.start(PRESENT)
    async with collecting(plant, sink):
        await until(lambda: sink.beats_of(0), "a heartbeat")
    await machines.stop()
    batch = sink.samples
    seeds = batch.take(batch.signal == plant.signal_index["ctrl.execution"])
    assert seeds.event_us.tolist() == [PRESENT[0]["ctrl.execution"][0]]
    assert seeds.flags[0] & Flag.INITIAL


async def test_a_retained_message_alone_proves_no_life(mqtt_broker: BrokerAddress) -> None:
    plant = make_plant(mqtt_broker.port, machines=1, liveness="interval", max_interval_s=1.0)
    sink = MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish:
        publish(topic_of(plant), own(0, 1), retain=True)
        async with collecting(plant, sink) as collector:
            await until(lambda: len(sink.samples) == 1, "the retained sample")
            await until(lambda: collector.status().ready, "ready")
            await asyncio.sleep(2.0)  # time in which heartbeats would have come
            assert not sink.heartbeats
            publish(topic_of(plant), own(1, 2))
            await until(lambda: sink.beats_of(0), "a heartbeat after a message of now")
        publish(topic_of(plant), b"", retain=True)
    assert sink.samples.flags[0] & Flag.RETAINED


async def test_poison_is_quarantined_and_acknowledged_and_what_follows_is_stored(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port, machines=1), MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish, Acks() as acks:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            publish(topic_of(plant), b"\x00poison")
            publish(topic_of(plant), b"x" * 300_000)
            publish(topic_of(plant), own(0, 1))
            await until(lambda: acks.count == 3, "three acknowledgements")
            assert collector.status().rejected == 2
    first, second = sink.quarantine
    assert (first.raw, first.origin, first.machine) == (b"\x00poison", topic_of(plant), 0)
    assert "bytes are kept" in second.reason
    assert sink.numbers(0) == [0]


async def test_nothing_is_acknowledged_while_the_spool_refuses_and_nothing_is_lost(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port, machines=1), MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish, Acks() as acks:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            sink.refuses = True
            for seq in range(30):
                publish(topic_of(plant), own(seq, seq))
            await until(lambda: sink.attempts >= 4, "repeated attempts")
            assert acks.count == 0
            assert "spool" in collector.status().note
            sink.refuses = False
            await until(lambda: acks.count == 30, "all acknowledged")
            assert collector.status().note == ""
    assert sink.numbers(0) == list(range(30))
    assert len(sink.samples) == 30
    assert not sink.gaps


async def test_a_spool_that_refuses_for_long_ends_the_connection_until_it_takes_rows_again(
    mqtt_broker: BrokerAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.mqtt.client.BLOCKED_S", 0.3)
    plant, sink = make_plant(mqtt_broker.port, machines=1), MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            sink.refuses = True
            publish(topic_of(plant), own(0, 1, 2, 3))
            await until(lambda: not collector.status().connected, "disconnected")
            assert not sink.rows
            sink.refuses = False
            await until(lambda: collector.status().ready, "connected again")
            await until(lambda: sink.numbers(0) == [0, 1, 2], "what had been held back")


async def test_after_a_restart_of_the_broker_all_comes_again_with_a_gap_pair(own_broker: DemoBroker) -> None:
    plant, sink = make_plant(own_broker.port, machines=1), MemorySink()
    machines = MqttPublisher(plant, "src", own_broker.host, own_broker.port)
    async with collecting(plant, sink) as collector:
        await machines.start({0: PRESENT[0]})
        await until(lambda: sink.beats_of(0), "life")
        await machines.send(changes(0, 0, 50))
        await until(lambda: len(sink.numbers(0)) == 50, "the first samples")
        await asyncio.to_thread(own_broker.stop)
        await until(lambda: not collector.status().connected, "the loss is seen")
        last_beat = int(sink.heartbeats[-1].at_us[0])
        await asyncio.to_thread(own_broker.start)
        await until(lambda: sink.gaps, "a gap pair")
        await machines.send(changes(0, 50, 50))
        await until(lambda: len(sink.numbers(0)) >= 99, "the samples after it")
        await machines.stop()
    opened, closed = sink.gaps[:2]
    assert (opened.opened, closed.opened, opened.cause, opened.machines) == (True, False, Cause.SESSION_LOST, (0,))
    assert opened.at_us >= last_beat
    assert closed.at_us > opened.at_us


async def test_a_restarted_collector_writes_a_restart_gap_from_its_last_proof_of_life(own_broker: DemoBroker) -> None:
    plant, sink = make_plant(own_broker.port, machines=1), MemorySink()
    with publisher(own_broker.host, own_broker.port) as publish:
        publish(topic_of(plant) + "/status", b'{"online": true}', retain=True)
        async with collecting(plant, sink):
            await until(lambda: sink.beats_of(0), "life")
        assert not sink.gaps
        last_beat = int(sink.heartbeats[-1].at_us[0])
        async with collecting(plant, sink):
            await until(lambda: sink.gaps, "the gap pair")
    opened, closed = sink.gaps
    assert (opened.at_us, opened.cause) == (last_beat, Cause.RESTART)
    assert closed.at_us >= opened.at_us


async def test_a_machine_at_rest_tells_its_present_values_anew_and_that_ends_the_doubt(own_broker: DemoBroker) -> None:
    plant, sink = make_plant(own_broker.port, machines=1, renews_state=True), MemorySink()
    machines = MqttPublisher(plant, "src", own_broker.host, own_broker.port, state_every_s=0.3)

    async def rest() -> None:
        while True:
            await machines.send([])
            await asyncio.sleep(0.03)

    async def values_stored(count: int) -> None:
        await until(lambda: len(sink.samples.take(sink.samples.signal == signal)) >= count, f"{count} values")

    signal = plant.signal_index["ctrl.execution"]
    await machines.start({0: PRESENT[0]})
    resting = asyncio.create_task(rest())
    async with collecting(plant, sink):
        await until(lambda: sink.beats_of(0), "life")
        await values_stored(1)
    async with collecting(plant, sink):
        await until(lambda: len(sink.gaps) == 2, "the gap's end")
        await values_stored(2)
    # Off line nothing is told anew: what a reader holds then is as old as the line's end.
    await machines.send([Sample(0, ONLINE, now_us(), value=False, seq=-1)])
    told = machines.published
    await asyncio.sleep(0.5)  # longer than state_every_s: a publisher that goes on would have published by now
    assert machines.published == told
    resting.cancel()
    await machines.stop()
    assert sink.gaps[0].cause == Cause.RESTART


async def test_a_hole_in_the_numbers_is_a_gap_from_the_last_event_to_the_next(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port, machines=1), MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            publish(topic_of(plant), own(0, 1, 2))
            publish(topic_of(plant), own(2, 3))
            publish(topic_of(plant), own(7, 9))
            await until(lambda: 7 in sink.numbers(0), "the sample after the hole")
    events = sink.samples.event_us
    opened, closed = sink.gaps
    assert (opened.at_us, closed.at_us) == (events[2], events[3])


async def test_a_will_ends_the_heartbeats_and_says_off_line_until_the_next_birth(mqtt_broker: BrokerAddress) -> None:
    plant, sink = make_plant(mqtt_broker.port), MemorySink()
    machines = MqttPublisher(plant, "src", mqtt_broker.host, mqtt_broker.port)

    def online() -> list[float]:
        batch = sink.samples
        mask = (batch.machine == 0) & (batch.signal == plant.signal_index["conn.online"])
        return list(batch.value[mask].tolist())

    async with collecting(plant, sink) as collector:
        await machines.start(PRESENT)
        await until(lambda: sink.beats_of(0) and sink.beats_of(1), "both live")
        machines.cut(0)
        await until(lambda: online()[-1] == 0.0, "off line")
        assert "m0 is off line" in collector.status().note or online()[-1] == 1.0
        await until(lambda: online() == [1.0, 0.0, 1.0], "on line again")
        await machines.stop()


async def test_with_an_interval_only_messages_of_the_machine_prove_life(mqtt_broker: BrokerAddress) -> None:
    plant = make_plant(mqtt_broker.port, liveness="interval", max_interval_s=2.0)
    sink = MemorySink()
    with publisher(mqtt_broker.host, mqtt_broker.port) as publish:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            publish(topic_of(plant, 1), own(0, 1))
            await until(lambda: sink.beats_of(1), "a heartbeat of the machine that spoke")
            await asyncio.sleep(1.5)  # time in which an unearned heartbeat would have come
    assert (sink.beats_of(0), sink.beats_of(1)) == (0, 1)


async def test_mqtt_5_falls_back_to_3_1_1_on_the_demo_broker(own_broker: DemoBroker) -> None:
    plant = make_plant(own_broker.port)
    inbox = Inbox(asyncio.get_running_loop())
    connection = Connection(source_settings(plant.sources[0]), "5", 1, inbox, RealClock().now_us)
    with pytest.raises(VersionError):
        await connection.open(["t"])
    await connection.close()
    patient = make_plant(own_broker.port, keepalive_s=30)
    async with collecting(patient, MemorySink()) as collector:
        await until(lambda: collector.status().ready, "ready with 3.1.1", limit_s=4)


async def test_a_broker_that_hangs_up_on_mqtt_5_is_tried_with_3_1_1() -> None:
    versions: list[int] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(9)
        versions.append(head[8])
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    plant = make_plant(server.sockets[0].getsockname()[1])
    async with collecting(plant, MemorySink()):
        await until(lambda: versions[:2] == [5, 4], "5, then 3.1.1 at once")
    server.close()


async def test_a_broker_that_is_not_there_is_named_in_the_status() -> None:
    port = free_port()
    async with collecting(make_plant(port), MemorySink()) as collector:
        await until(lambda: str(port) in collector.status().note, "a note with the address")
        assert not collector.status().connected


async def test_an_acknowledgement_of_an_earlier_connection_reaches_no_later_one(own_broker: DemoBroker) -> None:
    plant = make_plant(own_broker.port, machines=1)
    inbox = Inbox(asyncio.get_running_loop())
    settings = source_settings(plant.sources[0])
    with publisher(own_broker.host, own_broker.port) as publish, Acks() as acks:
        first = Connection(settings, "3.1.1", 1, inbox, RealClock().now_us)
        await first.open([topic_of(plant)])
        publish(topic_of(plant), own(0, 1))
        await until(lambda: len(inbox) == 2, "the message")
        opened, raw = inbox.take(10)
        assert isinstance(opened, Opened)
        assert isinstance(raw, Raw)
        await first.close()
        second = Connection(settings, "3.1.1", 2, inbox, RealClock().now_us)
        await second.open([topic_of(plant)])
        raw.connection.ack(raw.mid, raw.qos)
        assert acks.count == 0
        await second.close()


async def test_an_answered_ping_proves_a_quiet_connection(own_broker: DemoBroker) -> None:
    """Holds paho to the private names that connection.py uses."""
    plant = make_plant(own_broker.port, machines=1)
    inbox = Inbox(asyncio.get_running_loop())
    connection = Connection(source_settings(plant.sources[0]), "3.1.1", 1, inbox, RealClock().now_us)
    await connection.open(["quiet"])
    await until(lambda: connection._client.pinged_s > 0, "an answered ping")
    assert connection.proven()
    await connection.close()
    assert not connection.proven()


class Acks(ExitStack):
    """Counts the PUBACKs that collectors send while the context lasts (publishers send none)."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __enter__(self) -> Acks:
        real = paho.Client._send_puback
        self.callback(setattr, paho.Client, "_send_puback", real)

        def counted(client: paho.Client, mid: int) -> object:
            self.count += 1
            return real(client, mid)

        # The client's own method, counted.
        paho.Client._send_puback = counted  # type: ignore[method-assign, assignment]  # counted on the way
        return self
