"""Gives the machines of a plant file the default signals of their `profile`. Plain mapping in, plain mapping out.

Invariants: the machine's own entries win and `false` removes a default; expand a document once; what is not
understood (no such source or profile, wrong types) is left as it is, because the checks of the plant and of the
collectors name it by its path.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

PROFILE_MODULES = {"mqtt": "collectors.mqtt.profiles", "opcua": "collectors.opcua.profiles"}
"""Protocol -> the module with its DEFAULT_SIGNALS; imported when a plant uses the protocol."""


def expand(document: dict[str, Any]) -> dict[str, Any]:
    """The same plant document with `signals` of machines that name a profile completed from its defaults."""
    machines = document.get("machine")
    if not isinstance(machines, list):
        return document
    protocols = _protocols(document.get("source"))
    return {**document, "machine": [_expanded(machine, protocols) for machine in machines]}


def _protocols(sources: object) -> dict[str, str]:
    found = sources if isinstance(sources, list) else []
    named = [source for source in found if isinstance(source, dict)]
    return {str(source.get("name")): str(source.get("protocol")) for source in named}


def _expanded(machine: Any, protocols: Mapping[str, str]) -> Any:
    if not isinstance(machine, dict):
        return machine
    sources = machine.get("source")
    if isinstance(sources, list):
        return {**machine, "source": [_completed(source, "name", protocols) for source in sources]}
    return _completed(machine, "source", protocols)


def _completed(section: Any, named: str, protocols: Mapping[str, str]) -> Any:
    """A protocol section, whose source stands under `named`, with the signals of its profile."""
    if not isinstance(section, dict):
        return section
    own = section.get("signals", {})
    defaults = _defaults(protocols.get(str(section.get(named))), section.get("profile"))
    if defaults is None or not isinstance(own, dict):
        return section
    merged = {**defaults, **own}
    return {**section, "signals": {name: address for name, address in merged.items() if address is not False}}


def _defaults(protocol: str | None, profile: object) -> Mapping[str, object] | None:
    if protocol not in PROFILE_MODULES or not isinstance(profile, str):
        return None
    known: Mapping[str, Mapping[str, object]] = import_module(PROFILE_MODULES[protocol]).DEFAULT_SIGNALS
    return known.get(profile)
