"""Asking an OPC UA server what it offers, without a session."""

from __future__ import annotations

import pytest
from asyncua.server.server import Server

from collectors.opcua.probe import offered
from collectors.opcua.settings import SourceSettings
from core.errors import SourceError
from tests.fix_opcua import free_port


async def test_an_opcua_server_says_what_it_offers_and_one_that_is_away_does_not() -> None:
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/test/"
    settings = SourceSettings(endpoint=endpoint, security="none")
    server = Server()
    await server.init()
    server.set_endpoint(endpoint)
    async with server:
        assert "None" in await offered(settings)
    with pytest.raises(SourceError, match="does not answer"):
        await offered(settings)
