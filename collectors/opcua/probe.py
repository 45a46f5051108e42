"""Is an OPC UA server there, and does it offer what the plant file asks for?

Asks for endpoints only and opens no session.
"""

from __future__ import annotations

import asyncio

from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaError

from collectors.opcua.settings import SourceSettings
from core.errors import SourceError

ANSWER_S = 4.0
"""Real time; a control answers GetEndpoints in milliseconds, a busy one within a second."""


async def offered(settings: SourceSettings) -> list[str]:
    """Security policies that the server offers, such as `Basic256Sha256`; SourceError if it is not there."""
    client = Client(settings.endpoint, timeout=ANSWER_S)
    try:
        endpoints = await asyncio.wait_for(client.connect_and_get_server_endpoints(), 2 * ANSWER_S)
    except (OSError, TimeoutError, UaError) as error:
        raise SourceError(f"{settings.endpoint} does not answer: {error or type(error).__name__}") from error
    return sorted({str(found.SecurityPolicyUri).rpartition("#")[2] for found in endpoints})


def wanted(settings: SourceSettings) -> str:
    """The policy that the plant file asks for, as servers call it."""
    return "None" if settings.security == "none" else settings.security
