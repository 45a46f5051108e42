"""`stanok simulate --replay`: a recording on its way through a broker, and whatever a person needs to collect it.

Order with `--plant-out`: the recording is looked through, a plant file and the scenario clock of a data directory are
written (origin: the latest time of the recording, so that every line lies in the past when it arrives), the collector
of that directory is waited for, the clock starts, the recording is played. Without: it is played at once.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress

from core.errors import InputError
from core.plant.model import Plant
from core.units import SECOND_US, datetime_from_us
from simulators.recordings import Recording, look_through
from simulators.replay import Sent, Wire, play
from simulators.replay_plant import CONVENTIONS, MTCONNECT, plant_document, toml_text
from stanok.broker import DemoBroker
from stanok.clock import ClockFile, ScenarioClock, start_clock, write_clock
from stanok.collect import STATUS, read_status
from stanok.embedded import free_port
from stanok.plantfile import load_plant, plant_of
from stanok.simulate import login_of

_LOOK_S = 0.2
_FASTEST = 600.0
"""As fast as the demonstration goes; beyond it limits in real seconds lose their sense."""


@dataclass(frozen=True)
class Replay:
    """What the command line says. `speed` 0: as fast as acknowledged. `broker` None: one of our own."""

    path: Path
    convention: str = MTCONNECT
    speed: float = 1.0
    broker: str | None = None
    plant: Path | None = None
    plant_out: Path | None = None
    data: Path | None = None


def replay(wanted: Replay, stop: threading.Event) -> Sent:
    """Play the recording and say what was sent; raises InputError for wrong use, SourceError without a broker."""
    _check(wanted)
    recording = look_through(wanted.path)
    with ExitStack() as house:
        broker = wanted.broker or (_own_broker(house) if wanted.plant is None else None)
        plant = _plant(wanted, recording, broker)
        source = plant.sources[0]
        if wanted.plant_out is not None and wanted.data is not None:
            _set_clock(wanted.data, recording)
            _wait_for_collector(wanted.plant_out, wanted.data, source.name, stop)
        wire = Wire(str(source.settings["host"]), int(source.settings.get("port", 1883)), stop, login_of(source))
        sent = _play(recording, plant, house.enter_context(wire), wanted.speed, stop)
        print(summary(recording, sent), flush=True)
        if wanted.broker is None and wanted.plant is None:
            print("stanok: the broker goes on for those who still read from it; Ctrl-C ends it", flush=True)
            stop.wait()
    return sent


def _play(recording: Recording, plant: Plant, wire: Wire, speed: float, stop: threading.Event) -> Sent:
    """Play with a progress bar, where a person sees it."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("playing", total=recording.count)
        return play(recording, plant, wire, speed, stop, lambda: bar.advance(task))


def summary(recording: Recording, sent: Sent) -> str:
    """What was sent, in one sentence."""
    first, last = (f"{datetime_from_us(us):%Y-%m-%d %H:%M:%S}" for us in (recording.earliest_us, recording.latest_us))
    parts = [
        f"sent {sent.messages} messages of {len(sent.machines)} machines in {sent.seconds:.1f} s, times from {first} "
        f"to {last} UTC",
        f"time jumped back by a second or more {sent.jumps_back} times" if sent.jumps_back else "",
        f"{sent.unspoken} events have no place in this convention" if sent.unspoken else "",
        f"skipped: {recording.skipped}" if recording.skipped else "",
        "" if sent.complete else "stopped before the end",
    ]
    return "; ".join(part for part in parts if part)


def _check(wanted: Replay) -> None:
    if wanted.convention not in CONVENTIONS:
        raise InputError(f"--convention: {wanted.convention!r} is not one of {', '.join(CONVENTIONS)}")
    if not 0 <= wanted.speed <= _FASTEST:
        raise InputError(f"--speed: give 0 for as fast as the broker acknowledges, or up to {_FASTEST:.0f}")
    if wanted.plant_out is not None and wanted.plant is not None:
        raise InputError("--plant and --plant-out: either there is a plant file, or one is to be written")
    if wanted.plant_out is not None and wanted.data is None:
        raise InputError("--plant-out: needs --data, a directory of its own for the replay and its clock")
    if wanted.plant_out is not None and wanted.plant_out.exists():
        raise InputError(f"--plant-out: {wanted.plant_out} exists; use it with --plant, or name another file")


def _own_broker(house: ExitStack) -> str:
    broker = DemoBroker(free_port())
    broker.start()
    house.callback(broker.stop)
    return f"mqtt://{broker.host}:{broker.port}"


def _plant(wanted: Replay, recording: Recording, broker: str | None) -> Plant:
    """The plant file that is there, or a new one for this recording, written where it is wanted."""
    if wanted.plant is not None:
        return load_plant(wanted.plant, broker)
    address = urlsplit(broker or "")
    if address.scheme != "mqtt" or not address.hostname:
        raise InputError(f"--broker: {broker!r} is not an address like mqtt://127.0.0.1:1883")
    document = plant_document(recording, wanted.convention, address.hostname, address.port or 1883)
    plant = plant_of(document)
    if wanted.plant_out is not None:
        head = f"# For {wanted.path.name}, by `stanok simulate --replay`: signals recognised by their words and names."
        _write(
            wanted.plant_out, f"{head}\n# Correct what is wrong; {_unmapped(recording, plant)}\n\n{toml_text(document)}"
        )
    return plant


def _unmapped(recording: Recording, plant: Plant) -> str:
    keys = sum(map(len, recording.keys.values()))
    mapped = sum(
        len(address) if isinstance(address, list) else 1 for m in plant.machines for address in m.signals.values()
    )
    return f"{mapped} of {keys} keys are mapped."


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--plant-out: {path} cannot be written: {error.strerror}") from error


def _set_clock(data: Path, recording: Recording) -> None:
    """A new data directory's clock stands at the recording's latest time; a running one must have passed it.

    It runs at speed 1 however quickly the recording is played: the times of events do not depend on it.
    """
    data.mkdir(parents=True, exist_ok=True)
    path = data / "clock.json"
    # The second after the latest time: a collector's "now" is never before what it receives.
    origin_us = (recording.latest_us // SECOND_US + 1) * SECOND_US
    if not path.exists():
        if any(data.iterdir()):
            raise InputError(f"--data: {data} holds something else; name a new directory for the replay")
        write_clock(path, ClockFile(recording.earliest_us, origin_us, 1.0, replay=True))
    elif ScenarioClock(path).now_us() < origin_us:
        raise InputError(f"--data: the clock of {data} stands before this recording's end; name a new directory")


def _wait_for_collector(plant_out: Path, data: Path, source: str, stop: threading.Event) -> None:
    """Until the collector of the data directory is subscribed; then scenario time runs."""
    (data / STATUS).unlink(missing_ok=True)
    print(
        f"{plant_out} is written. Now start, in another terminal:\n\n    stanok run {plant_out} --data {data}\n",
        flush=True,
    )
    while not stop.is_set() and not any(found.source == source and found.ready for found in read_status(data)):
        stop.wait(_LOOK_S)
    if ScenarioClock(data / "clock.json").file.started_real_us is None:
        start_clock(data / "clock.json")
