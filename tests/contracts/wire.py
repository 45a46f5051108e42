"""A wire between a client and a PostgreSQL server that breaks at COMMIT: before the server has it, or after."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16


class CommitCutter:
    """Passes bytes on until a COMMIT comes from the client; then the wire is dead in both directions.

    `delivered`: the server still receives the COMMIT and carries it out; only its answer gets lost.
    """

    def __init__(self, port: int, *, delivered: bool) -> None:
        self._server_port, self._delivered = port, delivered
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.armed = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listening.close()
        self._thread.join(10)

    def _serve(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port))
        answers = threading.Thread(target=self._answer, args=(server, client), daemon=True)
        answers.start()
        while data := client.recv(_CHUNK):
            if self.armed.is_set() and b"COMMIT" in data:
                client.shutdown(socket.SHUT_RDWR)  # the client hears nothing any more
                if self._delivered:
                    server.sendall(data)
                    server.shutdown(socket.SHUT_WR)  # read after the COMMIT: the server ends by itself, when it is done
                    break
                server.shutdown(socket.SHUT_RDWR)
                break
            server.sendall(data)
        answers.join(10)
        client.close()
        server.close()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while data := server.recv(_CHUNK):
                try:
                    client.sendall(data)
                except OSError:
                    continue  # lost on the way
        except OSError:
            return
