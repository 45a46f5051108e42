"""The simulated OPC UA server: what it refuses, and what a machine shows before it has a value."""

from __future__ import annotations

import pytest
from asyncua.client.client import Client

from core.errors import InputError, SourceError
from core.plant.model import Plant
from core.vocabulary import Quality
from simulators.opcua_server import OpcUaServer
from simulators.outlet import ONLINE, Damage, Sample
from tests.fix_opcua import Bench, opcua_plant, running, until

AT_US = 1_772_000_000_123_457


def server_of(plant: Plant) -> OpcUaServer:
    return OpcUaServer(plant, "cell", plant.sources[0].settings["endpoint"])


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.5", "plant.example"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(InputError, match="loopback"):
        OpcUaServer(opcua_plant(1), "cell", f"opc.tcp://{host}:4840/")


async def test_what_the_standard_has_no_number_or_node_for_is_refused_in_a_sentence() -> None:
    server = server_of(opcua_plant(1))
    with pytest.raises(InputError, match=r"minsk/m0: OPC UA has no number for ctrl\.execution = wait"):
        await server.send([Sample(0, "ctrl.execution", AT_US, "wait", 0)])
    with pytest.raises(InputError, match=r"no node for axis\.X\.load"):
        await server.send([Sample(0, "axis.X.load", AT_US, 1.0, 0)])
    with pytest.raises(SourceError, match="off line"):
        await server.send([Sample(0, "ctrl.execution", AT_US, "ready", 0)])


async def test_a_node_is_null_until_it_has_a_value_and_then_carries_its_event_time() -> None:
    plant = opcua_plant(1)
    server = server_of(plant)
    await server.start({0: {"part.total": (AT_US, 41)}})
    async with Client(plant.sources[0].settings["endpoint"]) as client:
        total = await client.get_node(server.nodes[0, "part.total"]).read_data_value()
        scrap = await client.get_node(server.nodes[0, "part.scrap"]).read_data_value()
    await server.stop()
    assert total.Value is not None
    assert total.SourceTimestamp is not None
    assert (total.Value.Value, round(total.SourceTimestamp.timestamp() * 1e6)) == (41, AT_US)
    assert scrap.Value is None or scrap.Value.Value is None
    assert scrap.StatusCode is None or scrap.StatusCode.is_good()


async def test_faults_reach_a_collector_as_far_as_the_protocol_carries_them(bench: Bench) -> None:
    server = bench.server()
    await server.start({0: {"part.total": (AT_US, 41), "prog.name": (AT_US, "P1")}})
    async with running(bench.collector()) as collector:
        await until(lambda: collector.status().ready and bench.sink.beats())
        for number, (signal, value, damage) in enumerate(
            [
                ("part.total", 42, Damage.TYPE),
                ("part.total", 42, Damage.NONE),
                ("part.total", 43, Damage.NAN),
                ("prog.name", "P2", Damage.TYPE),
                ("part.total", 44, Damage.LOST),
                (ONLINE, False, Damage.NONE),
                (ONLINE, True, Damage.NONE),
            ],
            1,
        ):
            await server.send([Sample(0, signal, AT_US + number, value, -1, damage)])
        await until(lambda: any(value == 44.0 for _, value, _ in bench.seen("part.total")))
    await server.stop()
    batch = bench.sink.batch()
    total = batch.take((batch.signal == bench.plant.signal_index["part.total"]) & (batch.event_us > AT_US))
    quality = [Quality.BAD, Quality.GOOD, Quality.BAD, Quality.BAD, Quality.GOOD]
    assert total.event_us.tolist() == [AT_US + number for number in (1, 2, 3, 6, 7)]
    assert total.quality.tolist() == quality
    assert total.value[[1, 4]].tolist() == [42.0, 44.0]
    assert [reject.reason.split(":")[0] for reject in bench.sink.rejects()] == [
        "minsk/m0 part.total",
        "minsk/m0 prog.name",
    ]
