"""Built boards and alert rules to a running Grafana over its HTTP API; boards into one folder per language.

A thin face over grafana-api 1.0.3 (extra `grafana`). What that library gets wrong is put right in `_ask`: an empty
answer is no error, a text error is no TypeError, and every failure becomes one sentence. Publishing twice is the
same as publishing once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.errors import InputError, OutsideError, StanokError
from dashboards.alerts import FOLDER, GROUP, INTERVAL_S, provisioned
from dashboards.build import BUILT
from dashboards.catalogue import LANGUAGES, catalogue

SOURCE_UID = "stanok"
"""The data source that all boards name; the same as `dashboards.panels.SOURCE`."""


def publish(
    url: str, token: str, languages: Sequence[str] = LANGUAGES, built: Path = BUILT, timeout_s: float = 10.0
) -> list[str]:
    """Put the built boards of `languages` into Grafana at `url` and return the addresses of the boards.

    `token` belongs to a service account with the role Editor. Raises InputError for a wrong address, token or missing
    data source, OutsideError if Grafana cannot be reached or fails.
    """
    grafana = _connect(url, token, timeout_s)
    _require_source(grafana, url)
    published = []
    for language in languages:
        folder = _folder(grafana, url, f"stanok-{language}", catalogue(language)["folder"])
        for path in sorted((built / language).glob("*.json")):
            board = {"dashboard": json.loads(path.read_text(encoding="utf-8")), "folderUid": folder, "overwrite": True}
            answer = _ask(url, grafana.dashboard.update_dashboard, board)
            published.append(url.rstrip("/") + str(answer.get("url", "")))
    return published


def publish_alerts(url: str, token: str, timeout_s: float = 10.0) -> str:
    """Put the alert rules into Grafana at `url`, in a folder of their own, and return the address of their list.

    `token` belongs to a service account that may provision alerting, which an Editor may not everywhere. Rules that are
    no more ours go from the group. Raises as `publish`.
    """
    grafana = _connect(url, token, timeout_s)
    _require_source(grafana, url)
    folder = _folder(grafana, url, "stanok-alerts", FOLDER)
    (group,) = provisioned()["groups"]
    rules = [{**rule, "folderUID": folder, "ruleGroup": GROUP, "orgID": group["orgId"]} for rule in group["rules"]]
    body = {"title": GROUP, "folderUid": folder, "interval": INTERVAL_S, "rules": rules}
    _ask(url, grafana.api.PUT, f"/v1/provisioning/folders/{folder}/rule-groups/{GROUP}", body)
    return url.rstrip("/") + "/alerting/list"


def _connect(url: str, token: str, timeout_s: float) -> Any:
    try:
        from grafana_api.grafana_face import GrafanaFace
    except ImportError as missing:
        raise InputError("Publishing needs grafana-api; run: pip install 'stanok[grafana]'") from missing
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError(f"{url} is no address of a Grafana; write it like http://127.0.0.1:3000")
    prefix = parts.path.strip("/")
    return GrafanaFace(
        auth=token,
        host=f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname,
        port=parts.port,
        url_path_prefix=f"{prefix}/" if prefix else "",
        protocol=parts.scheme,
        timeout=timeout_s,
    )


def _require_source(grafana: Any, url: str) -> None:
    try:
        _ask(url, grafana.api.GET, f"/datasources/uid/{SOURCE_UID}")
    except _RefusedError as refusal:
        if refusal.status == 404:
            raise InputError(
                f"Grafana at {url} has no data source with the uid {SOURCE_UID}; "
                "add a PostgreSQL data source with that uid, then publish again"
            ) from refusal
        if refusal.status != 403:  # an Editor may publish boards without being allowed to look at data sources
            raise


def _folder(grafana: Any, url: str, uid: str, title: str) -> str:
    try:
        _ask(url, grafana.folder.get_folder, uid)
    except _RefusedError as refusal:
        if refusal.status != 404:
            raise
        _ask(url, grafana.folder.create_folder, title, uid)
    return uid


class _RefusedError(InputError):
    """Grafana answered with a 4xx status."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(text)


def _ask(url: str, call: Callable[..., Any], *arguments: object) -> dict[str, Any]:
    """The answer of one call, {} for an empty one."""
    from grafana_api.grafana_api import GrafanaException
    from requests import RequestException
    from requests.exceptions import JSONDecodeError

    try:
        answer = call(*arguments)
    except GrafanaException as trouble:
        raise _failure(url, trouble.status_code, trouble.message) from trouble
    except JSONDecodeError:  # grafana-api decodes the empty body of a 204, too
        return {}
    except TypeError as trouble:  # grafana-api looks for a key in an error that is plain text, and loses the status
        raise OutsideError(
            f"Grafana at {url}, or a proxy before it, failed with a text error; look into its log"
        ) from trouble
    except RequestException as trouble:
        raise OutsideError(f"Grafana at {url} cannot be reached ({trouble}); is it running?") from trouble
    return answer if isinstance(answer, dict) else {}


def _failure(url: str, status: int, message: str) -> StanokError:
    if status in {401, 403}:
        return _RefusedError(
            status,
            f"Grafana at {url} refuses the token ({status}); make one for a service account with the role Editor",
        )
    if status < 500:
        return _RefusedError(status, f"Grafana at {url} refuses the board: {message}")
    return OutsideError(f"Grafana at {url} failed: {message}; try again when it is well")
