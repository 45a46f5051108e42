"""A secured OPC UA connection: encrypted, and only with the server whose certificate is pinned."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.server.server import Server
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collectors.opcua.session import Session
from collectors.opcua.settings import SourceSettings, source_settings
from core.errors import SourceError
from tests.fix_opcua import QUICK, Bench, free_port, opcua_plant, running, until

CLIENT_URI = "urn:stanok:collector"
SERVER_URI = "urn:test:server"


def make_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_certificate(folder: Path, name: str, uri: str, key: rsa.RSAPrivateKey, days: int = 30) -> None:
    """`name`.der and `name`.pem (key): self-signed, as machine makers deliver them."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(True, True, True, True, False, False, False, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), False)
        .add_extension(usage, True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    key = make_key()
    make_certificate(folder, "client", CLIENT_URI, make_key())
    make_certificate(folder, "server", SERVER_URI, key)
    make_certificate(folder, "stranger", SERVER_URI, make_key())
    make_certificate(folder, "expired", SERVER_URI, key, days=-1)
    return folder


def secured(folder: Path, endpoint: str, server: str = "server") -> dict[str, object]:
    return {
        "endpoint": endpoint,
        "certificate": str(folder / "client.der"),
        "private_key": str(folder / "client.pem"),
        "server_certificate": str(folder / f"{server}.der"),
    }


async def start_server(folder: Path, name: str) -> tuple[Server, str]:
    server = Server()
    await server.init()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/"
    server.set_endpoint(endpoint)
    await server.set_application_uri(SERVER_URI)
    server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.load_certificate(folder / f"{name}.der")
    await server.load_private_key(folder / f"{name}.pem")
    index = await server.register_namespace("http://stanok.example/plant")
    machines = await server.nodes.objects.add_folder(index, "Machines")
    machine = await machines.add_object(index, "m0")
    await machine.add_variable(index, "Parts", 5)
    await server.start()
    return server, endpoint


@pytest.fixture
async def endpoint(certificates: Path) -> AsyncIterator[str]:
    server, endpoint = await start_server(certificates, "server")
    yield endpoint
    await server.stop()


async def test_values_come_over_a_signed_and_encrypted_connection(certificates: Path, endpoint: str) -> None:
    plant = opcua_plant(1, {"part.total": "Parts"})
    source = replace(plant.sources[0], settings=secured(certificates, endpoint))
    bench = Bench(replace(plant, sources=(source,)))
    async with running(bench.collector()) as collector:
        await until(lambda: collector.status().ready and bench.seen("part.total", initial=True))


async def test_a_server_with_another_certificate_is_refused(certificates: Path, endpoint: str) -> None:
    link = Session(SourceSettings.model_validate(secured(certificates, endpoint, "stranger")), QUICK)
    with pytest.raises((ua.uaerrors.UaError, OSError, TimeoutError)):
        await link.open()
    await link.close(polite=False)


async def test_an_unsecured_connection_to_a_secured_server_is_refused(endpoint: str) -> None:
    link = Session(SourceSettings.model_validate({"endpoint": endpoint, "security": "none"}), QUICK)
    with pytest.raises((ua.uaerrors.UaError, OSError, TimeoutError)):
        await link.open()
    await link.close(polite=False)


async def test_an_expired_pinned_certificate_is_refused(certificates: Path) -> None:
    server, endpoint = await start_server(certificates, "expired")
    link = Session(SourceSettings.model_validate(secured(certificates, endpoint, "expired")), QUICK)
    with pytest.raises(ua.uaerrors.UaStatusCodeError, match=r"(?i)certificate"):
        await link.open()
    await link.close(polite=False)
    await server.stop()


async def test_a_missing_certificate_file_is_one_sentence(certificates: Path) -> None:
    plant = opcua_plant(1)
    settings = secured(certificates, "opc.tcp://127.0.0.1:1/") | {"certificate": "/nowhere/client.der"}
    link = Session(source_settings(replace(plant.sources[0], settings=settings)), QUICK)
    with pytest.raises(SourceError, match=r"cannot be used .*client\.der"):
        await link.open()
    await link.close(polite=False)
