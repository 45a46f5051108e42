"""/healthz and /metrics of one process, on loopback, in a thread of its own.

/healthz answers 200 while the process does its job and 503 with the sentences why not, as JSON; /metrics is Prometheus
text. A port that is taken is said in the log and the process works on: nothing that only looks may stop it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, GCCollector, ProcessCollector, generate_latest

from stanok.meters import Meter
from stanok.settings import Port

_log = logging.getLogger("stanok.health")

HOST = "127.0.0.1"


@contextmanager
def health(name: str, port: Port, meter: Meter) -> Iterator[str | None]:
    """Serve a meter while the block runs; the address, None where it is off or its port is taken."""
    server = None if port == "off" else _server(name, int(port), meter)
    if server is None:
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="health", daemon=True)
    thread.start()
    url = f"http://{HOST}:{server.server_port}/"
    _log.info("health of the %s at %shealthz and %smetrics", name, url, url)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(name: str, port: int, meter: Meter) -> _Server | None:
    try:
        server = _Server((HOST, port), meter)
    except OSError as error:
        _log.warning(
            "health.%s_port: %s:%d cannot be listened on (%s); there is no /healthz; take another port, 0 or off",
            name,
            HOST,
            port,
            error.strerror,
        )
        return None
    ProcessCollector(registry=meter.registry)
    GCCollector(registry=meter.registry)
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], meter: Meter) -> None:
        self.meter = meter
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        """The two paths there are."""
        meter = self.server.meter
        if self.path == "/healthz":
            why = meter.complaints()
            status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
            body = {"healthy": not why, "why": why, **meter.facts()}
            self._answer(status, "application/json", json.dumps(body, ensure_ascii=False).encode())
        elif self.path == "/metrics":
            self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(meter.registry))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There are /healthz and /metrics.\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)
