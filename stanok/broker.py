"""The MQTT broker of the demonstration: amqtt in a process of its own, anonymous, on loopback only.

`python -m stanok.broker --port N` is that process; `DemoBroker` starts and stops it.
It is no broker for a plant: no MQTT 5, sessions in memory, and it queues messages for an absent client only if that
client gave a user name (any is accepted). The process has a session of its own, so that Ctrl-C in a terminal reaches
only Stanok, which then ends its parts in order; it ends by itself when its parent has gone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time

from core.errors import OutsideError

HOST = "127.0.0.1"
READY_S = 15.0
"""A cold start takes 0.7 s here; a loaded two-core machine has been seen to take ten times that."""
STOP_S = 5.0
PARENT_LOOK_S = 1.0


class DemoBroker:
    """The broker's process. `start` returns when the port answers."""

    def __init__(self, port: int) -> None:
        self.host = HOST
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start and wait until it can be connected to; raises OutsideError if it ends or is not ready in time."""
        if self._answers():
            raise OutsideError(f"port {self.port} on {HOST} is taken by another program; choose a free one")
        command = [sys.executable, "-m", "stanok.broker", "--port", str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if self._process.poll() is not None:
                raise OutsideError(f"the demo broker ended with code {self._process.returncode} before it was ready")
            if time.monotonic() > deadline:
                self.stop()
                raise OutsideError(f"the demo broker did not listen on port {self.port} within {READY_S:.0f} s")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process; nothing happens if there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True


async def _serve(port: int) -> None:
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    parent = os.getppid()
    while not ended.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):  # the usual end of a wait: is the parent still there?
            await asyncio.wait_for(ended.wait(), PARENT_LOOK_S)
    await broker.shutdown()


def main() -> None:
    """The broker's process."""
    parser = argparse.ArgumentParser(prog="stanok.broker", description="The demo MQTT broker, on loopback only.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    logging.basicConfig(level=logging.ERROR)
    for noisy in ("amqtt", "asyncio"):  # amqtt reports every client that hangs up early as an error, through both
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    asyncio.run(_serve(port))


if __name__ == "__main__":
    main()
