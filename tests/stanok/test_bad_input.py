"""Bad input on the real path: each gets a sentence that names the culprit, or a quarantine row and a counter.

Bad input that is tested elsewhere, through the code that meets it:
- plant file: unknown key, overlapping shifts, two machines of one name, unknown zone: tests/core/test_plant_parse.py,
  and as a command in tests/stanok/test_cli.py
- one value or payload by itself: tests/collectors/test_mqtt_decode.py, test_opcua_decode.py
- a broker that is not there, a spool that refuses: tests/collectors/test_mqtt_client.py, test_opcua_client.py
- a database that is not there at the start, one that goes away and comes back: test_engine.py, test_engine_restart.py
- a full disk under the spool by itself, damaged spools: tests/storage/test_spool_damage.py
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.units import datetime_from_us, us_from_datetime
from core.vocabulary import ClockChoice, Flag
from stanok.clock import RealClock, real_now_us
from stanok.collect import collect, read_status
from stanok.plantfile import load_plant
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.spool import SpoolWriter
from tests.collectors.mqtt_bench import collecting, publisher, until
from tests.fix_broker import free_port
from tests.fix_postgres import need_binaries, temporary_postgres
from tests.stanok.conftest import PLANTS
from tests.stanok.ural import engine, ural

TOPIC = "stanok/ural/lathe-3"
BAD: list[tuple[bytes, str]] = [
    (b'{"seq": 1, "s": [[17', "no valid JSON"),
    (b'{"seq": 1, "s": [[1, "prog.name", "' + b"x" * 10_000_000 + b'"]]}', "the first 65536 of 10000039 bytes"),
    (b'{"seq": 1, "s": [[1, "spindle.1.speed", NaN]]}', "no valid JSON"),
    (b'{"seq": 1, "s": [[1, "part.total", "many"]]}', "'many' is not a number"),
]
"""What a machine sends, and what the quarantine says of it."""
LONG_AGO_US = us_from_datetime(datetime_from_us(0).replace(year=1601))
FAR_AHEAD_US = us_from_datetime(datetime_from_us(0).replace(year=2099))


def said(seq: int, *samples: tuple[int, str, object]) -> bytes:
    return json.dumps({"seq": seq, "s": samples}).encode()


async def test_bad_messages_are_kept_with_their_reasons_and_nothing_good_is_lost(
    mosquitto_port: int, tmp_path: Path, database: str
) -> None:
    plant = ural(mosquitto_port)
    (tmp_path / "spool").mkdir()
    sink = SpoolWriter(tmp_path / "spool" / "collect.spool")
    async with engine(plant, tmp_path, database, RealClock()):
        with publisher("127.0.0.1", mosquitto_port) as publish:
            async with collecting(plant, sink) as collector:
                await until(lambda: collector.status().ready, "ready")
                publish(TOPIC + "/status", b'{"online": true}', retain=True)
                begin_us = real_now_us()
                for number, (payload, _) in enumerate(BAD):
                    publish(TOPIC, payload)
                    publish("stanok/ural/nobody", payload)
                    publish(TOPIC, said(2 + number, (begin_us + number, "part.total", 100 + number)))
                publish(TOPIC, said(6, (LONG_AGO_US, "tool.id", "T1601"), (FAR_AHEAD_US, "tool.id", "T2099")))
                await until(lambda: collector.status().stored >= 8, "all is stored")
                status = collector.status()
        await sink.aclose()
    with connect(database) as connection:
        kept = connection.execute(
            "select reason, origin, raw from stanok.quarantine order by record, reason"
        ).fetchall()
        totals = connection.execute(
            "select value from stanok.sample_event where seq between 2 and 5 and quality = 0 order by seq"
        ).fetchall()
        tools = connection.execute(
            "select text, event_time, flags from stanok.sample_event where seq in (6, 7) order by seq"
        ).fetchall()
    assert status.rejected == len(kept) == len(BAD)
    for (payload, reason), (told, origin, raw) in zip(BAD, kept, strict=True):
        assert reason in told
        assert (origin, bytes(raw)) == (TOPIC, payload[:65536])
    assert [value for (value,) in totals] == [100.0, 101.0, 102.0, 103.0]
    assert [text for text, _, _ in tools] == ["T1601", "T2099"]
    for _, event_time, flags in tools:
        assert begin_us <= us_from_datetime(event_time) <= real_now_us()
        assert flags & Flag.CLOCK_MASK == ClockChoice.ARRIVAL
        assert flags & Flag.CLOCK_SUSPECT


async def test_a_server_that_is_not_there_is_named_and_stops_no_other_source(
    mosquitto_port: int, tmp_path: Path
) -> None:
    nowhere = free_port()
    text = (PLANTS / "demo.toml").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:0/", f"127.0.0.1:{nowhere}/").replace("port = 0", f"port = {mosquitto_port}")
    (tmp_path / "plant.toml").write_text(text, encoding="utf-8")
    stop = threading.Event()
    working = asyncio.create_task(collect(load_plant(tmp_path / "plant.toml"), tmp_path, RealClock(), stop))
    with publisher("127.0.0.1", mosquitto_port) as publish:
        await until(lambda: any(status.ready for status in read_status(tmp_path)), "the broker's source is ready")
        publish(TOPIC, said(0, (real_now_us(), "part.total", 1)))
        await until(lambda: any(status.stored for status in read_status(tmp_path)), "its sample is stored")
        await until(lambda: read_status(tmp_path)[0].note != "", "the other source says something")
    (opcua, mqtt) = read_status(tmp_path)
    stop.set()
    await working
    assert str(nowhere) in opcua.note
    assert not opcua.connected
    assert (mqtt.stored, mqtt.note) == (1, "")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "none", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        # In CI that is a failure (tests/fix_honest.py).
        pytest.skip("a small file system needs root and the right to mount")  # in CI a failure (tests/fix_honest.py)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_under_the_spool_is_named_and_costs_no_sample(mosquitto_port: int, small_disk: Path) -> None:
    plant, other = ural(mosquitto_port), small_disk / "somebody-elses-file"
    sink = SpoolWriter(small_disk / "collect.spool", reserve_bytes=200_000)
    program = "".join(chr(33 + n % 90) for n in range(900))
    with publisher("127.0.0.1", mosquitto_port) as publish:
        async with collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            with suppress(OSError):  # the disk is full: that is the test
                other.write_bytes(b"x" * 10_000_000)
            sent = 0
            while "nothing is acknowledged" not in collector.status().note:
                publish(
                    TOPIC, said(sent, *((real_now_us(), "prog.name", f"{n}{os.urandom(300).hex()}") for n in range(50)))
                )
                sent += 50
                assert sent < 20_000
                await asyncio.sleep(0.01)
            note, stored = collector.status().note, collector.status().stored
            assert "disk" in note
            publish(TOPIC, said(sent, (real_now_us(), "prog.name", program)))
            assert collector.status().stored == stored
            other.unlink()
            await until(lambda: collector.status().stored == sent + 1, "everything is stored")
            assert collector.status().note == ""
    await sink.aclose()


def family(pid: int) -> list[int]:
    """A process and all its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in family(int(child)))]


async def test_a_database_that_freezes_in_a_commit_is_given_up_and_used_again_when_it_wakes(
    mosquitto_port: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    need_binaries()
    plant = ural(mosquitto_port)
    (tmp_path / "spool").mkdir()
    sink = SpoolWriter(tmp_path / "spool" / "collect.spool")

    def acknowledged() -> int:
        path = tmp_path / "spool" / "collect.spool.ack"
        return int(json.loads(path.read_text())["record"]) if path.exists() else 0

    with temporary_postgres() as server, publisher("127.0.0.1", mosquitto_port) as publish:
        with connect(server.dsn) as connection:
            migrate(connection)
        assert server._server is not None
        async with engine(plant, tmp_path, server.dsn, RealClock(), stuck_s=1.0), collecting(plant, sink) as collector:
            await until(lambda: collector.status().ready, "ready")
            publish(TOPIC, said(0, (real_now_us(), "part.total", 1)))
            await until(lambda: acknowledged() > 0, "the first commit")
            frozen = family(server._server.pid)
            try:
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)
                publish(TOPIC, said(1, (real_now_us(), "part.total", 2)))
                await until(lambda: "makes no progress" in caplog.text, "the watchdog")
                publish(TOPIC, said(2, (real_now_us(), "part.total", 3)))
                await until(lambda: collector.status().stored == 3, "the collector goes on")
            finally:
                for pid in frozen:
                    with suppress(ProcessLookupError):  # it may have ended by itself
                        os.kill(pid, signal.SIGCONT)
            await until(lambda: acknowledged() == sink.end(), "all is committed")
        with connect(server.dsn) as connection:
            rows = connection.execute("select value from stanok.sample_event where seq >= 0 order by seq").fetchall()
        await sink.aclose()
    assert [value for (value,) in rows] == [1.0, 2.0, 3.0]
    assert "PostgreSQL could not" in caplog.text
