"""The preview's HTTP server: on loopback only, reading only but for its form, of the standard library.

`Preview` listens in a thread of its own. Requests that name another host than this computer are refused, so that no
page of the web can read boards through the browser of a person who has the preview open. The form for what people know
(dashboards/preview/form) is there only if somebody takes it in; it is refused without this server's origin and token.
"""

from __future__ import annotations

import json
import logging
import secrets
import sys
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from core.errors import InputError, StanokError
from dashboards.boards import BOARDS
from dashboards.build import BUILT
from dashboards.catalogue import catalogue
from dashboards.preview.answer import answer, wish
from dashboards.preview.form import FORM_POLICY, LONGEST, Teller, form_page
from dashboards.preview.page import POLICY, page, titles
from dashboards.preview.reader import session

_log = logging.getLogger("stanok.preview")

HOST = "127.0.0.1"
PORT = 8817
"""Assigned to nobody by IANA and free of the usual tools (Grafana 3000, Prometheus 9090, brokers 1883)."""

_STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_LOCAL = ("127.0.0.1", "localhost", "::1")
_KEEP_S = 3600

Boards = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Language -> name -> built board."""


def read_boards(folder: Path = BUILT) -> dict[str, dict[str, Any]]:
    """Every built board below `folder`, by language and name, the shop floor first.

    Raises InputError for one that cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*/*.json"), key=_order):
        try:
            found.setdefault(path.parent.name, {})[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: is no board: {error}") from error
    if not found:
        raise InputError(f"There is no built board below {folder}; run: stanok boards build")
    return found


def _order(path: Path) -> tuple[str, int, str]:
    """Languages by name, our own boards in their order, then others by name."""
    place = BOARDS.index(path.stem) if path.stem in BOARDS else len(BOARDS)
    return path.parent.name, place, path.stem


def plotly_file() -> Path:
    """plotly.min.js of the installed package; InputError if there is none."""
    spec = find_spec("plotly")
    path = Path(spec.origin).parent / "package_data" / "plotly.min.js" if spec and spec.origin else None
    if path is None or not path.exists():
        raise InputError("The preview needs plotly; run: pip install 'stanok[demo]'")
    return path


class Preview:
    """The running server; `url` is where its boards are. Port 0 takes a free one.

    `role` is the role that queries run as, None for the login's own. Raises InputError if the port is taken.
    """

    def __init__(
        self,
        dsn: str,
        role: str | None = None,
        port: int = 0,
        boards: Boards | None = None,
        teller: Teller | None = None,
    ) -> None:
        house = _House(dsn, role, boards or read_boards(), plotly_file(), teller)
        try:
            self._server = _Server((HOST, port), house)
        except OSError as error:
            raise InputError(f"--port: {HOST}:{port} cannot be listened on: {error.strerror}; take another") from error
        self.url = f"http://{HOST}:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="preview", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; open pages say that the preview does not answer."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _House:
    """What requests are answered from."""

    def __init__(self, dsn: str, role: str | None, boards: Boards, plotly: Path, teller: Teller | None) -> None:
        self.dsn, self.role, self.boards, self.teller = dsn, role, boards, teller
        self.token = secrets.token_urlsafe(16)
        self.files = {path.name: path for path in [*_STATIC.iterdir(), plotly]}

    def drawings(self, language: str, name: str, query: str) -> dict[str, Any]:
        """The answer for the page, or `trouble`: the sentence why there is none."""
        try:
            wanted = wish(parse_qs(query))
            with session(self.dsn, self.role) as found:
                board = self.boards[language][name]
                return answer(board, language, wanted, found.now(), found.ask, timescale=found.timescale())
        except StanokError as error:
            return {"trouble": str(error)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], house: _House) -> None:
        self.house = house
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as socketserver calls it
        """A browser that left in the middle of an answer is no trouble; anything else goes to the log."""
        if isinstance(sys.exception(), ConnectionError | TimeoutError):
            _log.debug("%s left before the answer", client_address)
        else:
            _log.exception("the preview could not answer %s", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 30
    protocol_version = "HTTP/1.0"  # a connection a request: none outlives the server

    def do_GET(self) -> None:
        """Everything there is."""
        address = urlsplit(self.path)
        parts = address.path.strip("/").split("/")
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _LOCAL:
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"The preview is for this computer only.")
        elif parts == [""]:
            self._redirect()
        elif (teller := self._teller(parts)) is not None:
            self._form(form_page(parts[0], teller, self.server.house.token))
        elif parts[0] == "static" and parts[-1] in self.server.house.files and len(parts) == 2:
            path = self.server.house.files[parts[1]]
            self._answer(HTTPStatus.OK, _TYPES[path.suffix], path.read_bytes(), keep=path.parent != _STATIC)
        elif len(parts) in (2, 3) and parts[1] in self.server.house.boards.get(parts[0], {}):
            self._board(parts, address.query)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such board.")

    def do_POST(self) -> None:
        """The form, if it is there and was sent from its own page on this computer."""
        parts = urlsplit(self.path).path.strip("/").split("/")
        teller, host = self._teller(parts), self.headers.get("Host", "")
        length = self.headers.get("Content-Length") or ""
        if teller is None or urlsplit(f"//{host}").hostname not in _LOCAL:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such form.")
        elif not length.isdigit() or int(length) > LONGEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", b"That is no form of this page.")
        else:
            body = self.rfile.read(int(length)).decode("utf-8", "replace")
            fields = {name: values[-1] for name, values in parse_qs(body, keep_blank_values=True).items()}
            self._told(parts[0], teller, fields, host)

    def _told(self, language: str, teller: Teller, fields: dict[str, str], host: str) -> None:
        token, kind = fields.pop("token", ""), fields.pop("kind", "")
        ours = self.headers.get("Origin") == f"http://{host}"
        if not ours or not secrets.compare_digest(token.encode(), self.server.house.token.encode()):
            said, status = catalogue(language)["form.not_ours"], HTTPStatus.FORBIDDEN
        else:
            said, status = teller.tell(kind, fields), HTTPStatus.OK
        self._form(form_page(language, teller, self.server.house.token, said, fields), status)

    def _teller(self, parts: list[str]) -> Teller | None:
        """Who takes the form of this address, None if it is none."""
        house = self.server.house
        return house.teller if len(parts) == 2 and parts[1] == "tell" and parts[0] in house.boards else None

    def _form(self, text: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._answer(status, "text/html", text.encode(), policy=FORM_POLICY)

    def _board(self, parts: list[str], query: str) -> None:
        language, name = parts[:2]
        house = self.server.house
        if len(parts) == 2:
            text = page(
                house.boards[language][name], language, name, titles(house.boards), form=house.teller is not None
            )
            self._answer(HTTPStatus.OK, "text/html", text.encode())
        elif parts[2] == "data":
            found = house.drawings(language, name, query)
            self._answer(HTTPStatus.OK, "application/json", json.dumps(found, ensure_ascii=False).encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.")

    def _redirect(self) -> None:
        """To the first board, in the browser's language if we have it."""
        boards = self.server.house.boards
        wanted = (self.headers.get("Accept-Language") or "")[:2].lower()
        language = wanted if wanted in boards else next(iter(boards))
        self._answer(HTTPStatus.FOUND, "text/plain", b"", place=f"/{language}/{next(iter(boards[language]))}")

    def _answer(
        self, status: HTTPStatus, kind: str, body: bytes, *, keep: bool = False, place: str = "", policy: str = POLICY
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", f"max-age={_KEEP_S}" if keep else "no-store")
        if place:
            self.send_header("Location", place)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)
