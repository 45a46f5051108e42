"""One session with one OPC UA server. ALL calls of asyncua's private methods are in this file.

Why private calls: `UaSession.create_subscription` starts the library's own publish loop, which acknowledges a
notification even if its receiver failed; so CreateSubscription and Publish are sent through `UaSession._send_request`.
tests/collectors/test_opcua_private.py names each private call and fails when a new asyncua changes it.
Invariants: the library never reconnects by itself; a session is used once, opened once and closed once.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import BadMessageNotAvailable, UaError, UaStatusCodeError

from collectors.opcua.resolve import Child
from collectors.opcua.settings import SourceSettings
from core.errors import SourceError

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 1.0
"""A publish answer at least this often, so that every second has its heartbeat (design allows up to 3 s)."""
ITEMS_AT_ONCE = 50
"""Monitored items in one request; small controllers limit a request to about this many."""
NOTIFICATIONS_AT_ONCE = 10_000
"""Bounds the memory of one publish answer; the server sends the rest with the next one."""


@dataclass(frozen=True)
class Limits:
    """Real seconds. `silent_s`: without a publish answer for so long the server is gone (three keep-alives of 3 s)."""

    request_s: float = 4.0
    silent_s: float = 9.0
    session_s: float = 60.0
    close_s: float = 2.0
    retry_s: float = 60.0
    settle_s: float = 60.0
    first_pause_s: float = 0.5
    most_pause_s: float = 8.0
    """Below 10 s, so that a server that came back is used within 10 s."""


@dataclass(frozen=True)
class Subscription:
    """What the server granted. `silent_s`: how long a publish answer may take before the server counts as gone."""

    id: int
    silent_s: float


class Session:
    """A connected session; every method raises what asyncua raises (OSError, TimeoutError, UaError)."""

    def __init__(self, settings: SourceSettings, limits: Limits) -> None:
        self._settings = settings
        self._limits = limits
        # The library probes the server state this often; it keeps the session alive while the spool makes us wait.
        self._client = Client(settings.endpoint, timeout=limits.request_s, watchdog_intervall=limits.silent_s)
        self._client.name = self._client.description = "Stanok collector"
        self._client.application_uri = settings.application_uri
        self._client.session_timeout = int(limits.session_s * 1000)

    async def open(self) -> None:
        """Connect, secured as the settings say. Raises SourceError if a file of the settings cannot be read."""
        await self._secure()
        await self._client.connect(auto_reconnect=False)

    async def _secure(self) -> None:
        settings = self._settings
        if settings.security == "none":
            return
        if not (settings.certificate and settings.private_key and settings.server_certificate):
            raise SourceError("a secured connection needs certificate, private_key and a pinned server_certificate")
        try:
            await self._client.set_security(
                SecurityPolicyBasic256Sha256,
                certificate=settings.certificate,
                private_key=settings.private_key,
                server_certificate=settings.server_certificate.read_bytes()
                if settings.server_certificate.suffix == ".der"
                else str(settings.server_certificate),
                mode=ua.MessageSecurityMode.SignAndEncrypt,
            )
            if settings.user is not None and settings.password_file is not None:
                self._client.set_user(settings.user)
                self._client.set_password(settings.password_file.read_text().rstrip("\r\n"))
        except (OSError, ValueError) as error:
            raise SourceError(f"a certificate, key or password file cannot be used ({error})") from error
        options = CertificateValidatorOptions
        self._client.certificate_validator = CertificateValidator(options.TIME_RANGE | options.PEER_SERVER)

    async def close(self, polite: bool) -> None:
        """Leave; `polite` ends the session on the server, otherwise the connection is just dropped."""
        try:
            if polite:
                await asyncio.wait_for(self._client.disconnect(), self._limits.close_s)
        except (OSError, TimeoutError, UaError) as error:
            log.debug("%s: closing failed (%s)", self._settings.endpoint, error)
        finally:
            protocol = self._client.uaclient.protocol
            if protocol is not None and protocol.transport is not None:
                protocol.transport.abort()
            self._client.disconnect_socket()
            # Ends the library's tasks; without a connection nothing is sent.
            await self._client.close_session()

    async def namespaces(self) -> list[str]:
        """The server's namespace array now."""
        return list(await self._client.get_namespace_array())

    async def children(self, nodes: Sequence[ua.NodeId]) -> list[list[Child]]:
        """Objects and variables below each node, by any hierarchical reference."""
        wanted = ua.BrowseParameters(
            NodesToBrowse=[
                ua.BrowseDescription(
                    NodeId=node,
                    BrowseDirection=ua.BrowseDirection.Forward,
                    ReferenceTypeId=ua.NodeId(ua.Int32(ObjectIds.HierarchicalReferences)),
                    IncludeSubtypes=True,
                    NodeClassMask=ua.NodeClass.Object | ua.NodeClass.Variable,
                    ResultMask=ua.BrowseResultMask.BrowseName,
                )
                for node in nodes
            ]
        )
        results = await self._client.uaclient.session.browse(wanted)
        return [await self._all_references(result) for result in results]

    async def _all_references(self, result: ua.BrowseResult) -> list[Child]:
        references = list(result.References or ())
        while result.ContinuationPoint:
            more = ua.BrowseNextParameters(ContinuationPoints=[result.ContinuationPoint])
            result = (await self._client.uaclient.session.browse_next(more))[0]
            references += result.References or ()
        return [
            Child(ua.NodeId(ref.NodeId.Identifier, ref.NodeId.NamespaceIndex), ref.BrowseName.NamespaceIndex, name)
            for ref in references
            if (name := ref.BrowseName.Name) is not None
        ]

    async def subscribe(self) -> Subscription:
        """A subscription without items. What the server grants is obeyed, and logged where it differs."""
        publishing_ms = self._settings.publishing_ms
        request = ua.CreateSubscriptionRequest()
        request.Parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=publishing_ms,
            RequestedLifetimeCount=math.ceil(self._limits.session_s * 1000 / publishing_ms),
            RequestedMaxKeepAliveCount=max(1, int(KEEP_ALIVE_S * 1000 / publishing_ms)),
            MaxNotificationsPerPublish=NOTIFICATIONS_AT_ONCE,
            PublishingEnabled=True,
        )
        data = await self._client.uaclient.session._send_request(request)
        response = struct_from_binary(ua.CreateSubscriptionResponse, data)
        response.ResponseHeader.ServiceResult.check()
        granted: ua.CreateSubscriptionResult = response.Parameters
        keep_alive_s = granted.RevisedPublishingInterval * granted.RevisedMaxKeepAliveCount / 1000
        if granted.RevisedPublishingInterval != publishing_ms or keep_alive_s > KEEP_ALIVE_S:
            log.warning(
                "%s publishes every %d ms instead of %d, keep-alive after %.1f s",
                self._settings.endpoint,
                granted.RevisedPublishingInterval,
                publishing_ms,
                keep_alive_s,
            )
        return Subscription(granted.SubscriptionId, max(self._limits.silent_s, 3 * keep_alive_s))

    async def monitor(self, subscription: Subscription, nodes: Sequence[tuple[int, ua.NodeId]]) -> list[str]:
        """Watch the values of (client handle, node); "" for each that is watched, otherwise why not."""
        results: list[str] = []
        for first in range(0, len(nodes), ITEMS_AT_ONCE):
            results += await self._create(subscription, nodes[first : first + ITEMS_AT_ONCE])
        return results

    async def _create(self, subscription: Subscription, nodes: Sequence[tuple[int, ua.NodeId]]) -> list[str]:
        params = ua.CreateMonitoredItemsParameters(
            SubscriptionId=subscription.id,
            TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[self._item(*node) for node in nodes],
        )
        try:
            created = await self._client.uaclient.session.create_monitored_items(params)
        except UaStatusCodeError as error:
            if len(nodes) == 1:
                return [error.__class__.__name__]
            # One item, or their number, is too much for the server: the others shall live.
            return [(await self._create(subscription, [node]))[0] for node in nodes]
        self._check_queues(created)
        return ["" if item.StatusCode.is_good() else item.StatusCode.name for item in created]

    def _check_queues(self, created: Sequence[ua.MonitoredItemCreateResult]) -> None:
        granted = min((item.RevisedQueueSize for item in created if item.StatusCode.is_good()), default=None)
        if granted is not None and granted < self._settings.queue:
            log.warning(
                "%s keeps %d values an item instead of %d: a stall may lose values",
                self._settings.endpoint,
                granted,
                self._settings.queue,
            )

    def _item(self, handle: int, node: ua.NodeId) -> ua.MonitoredItemCreateRequest:
        trigger = ua.DataChangeTrigger.StatusValue
        if self._settings.report == "timestamp":
            trigger = ua.DataChangeTrigger.StatusValueTimestamp
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=handle,
                SamplingInterval=0.0,
                QueueSize=self._settings.queue,
                DiscardOldest=True,
                Filter=ua.DataChangeFilter(Trigger=trigger),
            ),
        )

    async def publish(self, subscription: Subscription, acknowledged: Sequence[int]) -> ua.PublishResult:
        """Acknowledge stored notifications and wait, without limit, for the next answer."""
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=subscription.id, SequenceNumber=number)
            for number in acknowledged
        ]
        data = await self._client.uaclient.session._send_request(request, timeout=0)
        response = struct_from_binary(ua.PublishResponse, data)
        response.ResponseHeader.ServiceResult.check()
        result: ua.PublishResult = response.Parameters
        return result

    async def republish(self, subscription: Subscription, number: int) -> ua.NotificationMessage | None:
        """A notification once more, or None if the server does not have it any more."""
        try:
            message = await self._client.uaclient.session.republish(subscription.id, number)
        except BadMessageNotAvailable:
            return None
        return message if message.SequenceNumber == number and message.NotificationData else None
