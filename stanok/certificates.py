"""Which certificate files a source is set up with, and when they end. Reads files, connects to nobody."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509

from collectors.mqtt.settings import SourceSettings as MqttSettings
from collectors.opcua.settings import SourceSettings as OpcUaSettings
from core.plant.model import Source


def certificate_files(source: Source) -> list[Path]:
    """The certificates that the settings of a source name; InputError for settings that cannot be read."""
    if source.protocol == "opcua":
        opcua = OpcUaSettings.model_validate(dict(source.settings))
        found = [opcua.certificate, opcua.server_certificate]
    elif source.protocol == "mqtt":
        tls = MqttSettings.model_validate(dict(source.settings)).tls
        found = [Path(path) for path in (tls.ca, tls.cert) if path] if tls else []
    else:
        found = []
    return [path for path in found if path is not None]


def valid_until(path: Path) -> datetime | None:
    """The end of a certificate in PEM or DER form; None if there is none in the file."""
    try:
        content = path.read_bytes()
        load = x509.load_pem_x509_certificate if b"-----BEGIN" in content else x509.load_der_x509_certificate
        return load(content).not_valid_after_utc
    except (OSError, ValueError):
        return None
