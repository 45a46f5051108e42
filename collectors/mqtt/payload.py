"""Bytes of a message -> plain data, strictly: what is not clean JSON of a bearable size is refused with a reason.

Refused: more than 256 KiB, NaN and Infinity, numbers beyond float64, deep nesting, broken UTF-8, lone surrogates,
the same key twice in one object (a parser would silently keep the last).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

MOST_BYTES = 256 * 1024
"""RefusedError before parsing (reliability M10: 1 MB of JSON cost 0.07 s, 10 MB 0.65 s)."""
KEPT_BYTES = 64 * 1024
"""A refused payload is kept in quarantine up to this size."""


class RefusedError(ValueError):
    """A payload or a value that cannot be taken; the text is the reason for the quarantine."""


class Numbered(msgspec.Struct):
    """Stanok's own shape: samples `[t, "signal", value]`, numbered from `seq` on by their position."""

    s: list[Any]
    seq: int = -1


_NUMBERED = msgspec.json.Decoder(Numbered)


def numbered(payload: bytes) -> Numbered:
    """The content of a message of Stanok's own shape; raises RefusedError."""
    _check_size(payload)
    if b"\\" in payload or payload.count(b'"s"') > 1 or payload.count(b'"seq"') > 1:
        _check_keys(payload)
    try:
        return _NUMBERED.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise RefusedError(_reason(wrong)) from None


def document(payload: bytes) -> Any:
    """The content of any JSON message; raises RefusedError."""
    _check_size(payload)
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise RefusedError(_reason(wrong)) from None
    _check_keys(payload)
    return found


def kept(payload: bytes) -> tuple[bytes, str]:
    """The part of a payload that quarantine keeps, and a note if that is not all of it."""
    if len(payload) <= KEPT_BYTES:
        return payload, ""
    return payload[:KEPT_BYTES], f" (the first {KEPT_BYTES} of {len(payload)} bytes are kept)"


def _check_size(payload: bytes) -> None:
    if len(payload) > MOST_BYTES:
        raise RefusedError(f"the payload has more than {MOST_BYTES} bytes")


def _check_keys(payload: bytes) -> None:
    try:
        json.loads(payload, object_pairs_hook=_once)
    except RefusedError:
        raise
    except (ValueError, RecursionError) as wrong:
        raise RefusedError(_reason(wrong)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedError("a key occurs twice in one object")
    return found


def _reason(wrong: Exception) -> str:
    return "the JSON is nested too deeply" if isinstance(wrong, RecursionError) else f"no valid JSON: {wrong}"
