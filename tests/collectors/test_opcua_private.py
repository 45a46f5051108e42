"""Contract with asyncua 2.1: every private call that collectors/opcua/session.py makes, and why it is needed.

When one of these fails after an update of asyncua, read the new code before changing session.py.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.client.ua_session import UaSession

from collectors.opcua import session
from collectors.opcua.session import Session
from tests.fix_opcua import QUICK, Bench, opcua_plant

PRIVATE = {"_send_request"}
"""Members of asyncua with a leading underscore that session.py uses."""


def test_session_uses_no_other_private_member_of_asyncua() -> None:
    used = set(re.findall(r"(?<!self)\.(_[a-z]\w*)", Path(session.__file__).read_text(encoding="utf-8")))
    assert used == PRIVATE


def test_no_other_file_uses_a_private_member_of_asyncua() -> None:
    for path in Path(session.__file__).parent.glob("*.py"):
        if path.name != "session.py":
            used = re.findall(r"(?<!self)\.(_[a-z]\w*)", path.read_text(encoding="utf-8"))
            assert used == [], path.name


def test_send_request_takes_a_request_and_a_timeout_and_returns_the_answers_bytes() -> None:
    parameters = inspect.signature(UaSession._send_request).parameters
    assert list(parameters)[:3] == ["self", "request", "timeout"]
    assert inspect.iscoroutinefunction(UaSession._send_request)


def test_a_timeout_of_zero_means_no_limit() -> None:
    source = inspect.getsource(UASocketProtocol.send_request)
    assert "timeout if timeout else None" in source


def test_the_librarys_own_subscription_would_start_its_publish_loop() -> None:
    """The reason for CreateSubscription through `_send_request`; if this is gone, the public method will do."""
    assert "ensure_publish_loop" in inspect.getsource(UaSession.create_subscription)


def test_public_members_that_session_relies_on_are_there() -> None:
    for name in ("browse", "browse_next", "create_monitored_items", "republish"):
        assert inspect.iscoroutinefunction(getattr(UaSession, name))
    client = Client("opc.tcp://127.0.0.1:1")
    assert isinstance(client.uaclient, UaClient)
    assert client.uaclient.protocol is None
    assert inspect.signature(client.connect).parameters.keys() >= {"auto_reconnect"}


async def test_our_session_runs_no_publish_loop_of_the_library_and_publishes_itself() -> None:
    bench = Bench(opcua_plant(1))
    server = bench.server()
    await server.start({})
    link = Session(bench.collector()._settings, QUICK)
    await link.open()
    try:
        subscription = await link.subscribe()
        assert link._client.uaclient.session._publish_task is None
        assert await link.monitor(subscription, [(9, server.nodes[0, "part.total"])]) == [""]
        answer = await link.publish(subscription, [])
        (change,) = answer.NotificationMessage.NotificationData[0].MonitoredItems
        assert change.ClientHandle == 9
        again = await link.republish(subscription, answer.NotificationMessage.SequenceNumber)
        assert again is not None
        assert isinstance(again.NotificationData[0], ua.DataChangeNotification)
        assert await link.republish(subscription, 4711) is None
    finally:
        await link.close(polite=True)
        await server.stop()
