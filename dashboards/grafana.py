"""A running Grafana over its HTTP API: a thin face over grafana-api 1.0.3 (extra `grafana`).

What that library gets wrong is put right in `_ask`: an empty answer is no error, a text error is no TypeError, and
every failure becomes one sentence. Whoever puts something looks first whether it is there already (`holds`), so that
doing it twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from core.errors import InputError, OutsideError, StanokError


class RefusedError(InputError):
    """Grafana answered with a 4xx status."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


class Grafana:
    """Requests to the Grafana at `url` with the token of a service account."""

    def __init__(self, url: str, token: str, timeout_s: float = 10.0) -> None:
        try:
            from grafana_api.grafana_face import GrafanaFace
        except ImportError as missing:
            raise InputError("Publishing needs grafana-api; run: pip install 'stanok[grafana]'") from missing
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError(f"{url} is no address of a Grafana; write it like http://127.0.0.1:3000")
        prefix = parts.path.strip("/")
        self.url = url.rstrip("/")
        self._api = GrafanaFace(
            auth=token,
            host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
            port=parts.port,
            url_path_prefix=f"{prefix}/" if prefix else "",
            protocol=parts.scheme,
            timeout=timeout_s,
        ).api

    def get(self, path: str) -> Any:
        """What stands there; None where nothing does (404)."""
        try:
            return self._ask(self._api.GET, path)
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to something new."""
        return self._ask(self._api.POST, path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to something in place of what was there."""
        return self._ask(self._api.PUT, path, body)

    def delete(self, path: str) -> None:
        """Take something away."""
        self._ask(self._api.DELETE, path)

    def _ask(self, call: Callable[..., Any], *arguments: object) -> Any:
        """The answer of one call, {} for an empty one."""
        from grafana_api.grafana_api import GrafanaException
        from requests import RequestException
        from requests.exceptions import JSONDecodeError

        try:
            return call(*arguments)
        except GrafanaException as trouble:
            raise self._failure(trouble.status_code, trouble.message) from trouble
        except JSONDecodeError:  # grafana-api decodes the empty body of a 204, too
            return {}
        except TypeError as trouble:  # grafana-api looks for a key in an error that is plain text, and loses the status
            raise OutsideError(
                f"Grafana at {self.url}, or a proxy before it, failed with a text error; look into its log"
            ) from trouble
        except RequestException as trouble:
            raise OutsideError(f"Grafana at {self.url} cannot be reached ({trouble}); is it running?") from trouble

    def _failure(self, status: int, message: str) -> StanokError:
        if status in {401, 403}:
            return RefusedError(
                status,
                f"Grafana at {self.url} refuses the token ({status}); make one for a service account that may do this: "
                "boards need the role Editor, alert rules and the data source the role Admin",
            )
        if status < 500:
            return RefusedError(status, f"Grafana at {self.url} refuses it: {message}")
        return OutsideError(f"Grafana at {self.url} failed: {message}; try again when it is well")


def holds(there: Any, wanted: Any) -> bool:
    """Whether what is there has all that is wanted; Grafana adds ids, versions and defaults of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(holds(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return isinstance(there, Sequence) and len(there) == len(wanted) and all(map(holds, there, wanted))
    return bool(there == wanted)
