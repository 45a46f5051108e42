"""The secrets of `docker compose up`, made on the first start and never again. Runs alone, before everything else.

Every file belongs to the one user that reads it, mode 0400, in a volume that only the services mount; nothing is
printed. A start that was cut short leaves no `complete`, and the next one begins anew, before any server has seen a
password. How a person reads them: docs/en/boards.md.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
from pathlib import Path

POSTGRES, GRAFANA, MOSQUITTO, STANOK = 70, 472, 1883, 10001
"""User ids inside the images of docker-compose.yml; 10001 is made by the Dockerfile."""

HASH_ROUNDS = 101
"""PBKDF2 rounds that mosquitto_passwd takes; the password has 256 random bits, so rounds add nothing."""


def mosquitto_line(user: str, password: str) -> str:
    """A line of a password file of Mosquitto 2: PBKDF2 with SHA-512 ($7$)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS)
    parts = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{user}:$7${HASH_ROUNDS}${'$'.join(parts)}\n"


def contents() -> dict[str, tuple[int, str]]:
    """File name -> (owner, content)."""
    admin, owner, engine, boards, grafana, broker = (secrets.token_urlsafe(32) for _ in range(6))
    return {
        "postgres-admin": (POSTGRES, admin),
        "postgres-stanok": (POSTGRES, owner),
        "postgres-engine": (POSTGRES, engine),
        "postgres-boards": (POSTGRES, boards),
        "grafana-admin": (GRAFANA, grafana),
        "grafana-boards": (GRAFANA, boards),
        "mosquitto-passwords": (MOSQUITTO, mosquitto_line("stanok", broker)),
        "stanok-dsn": (STANOK, f"postgresql://stanok:{owner}@timescaledb:5432/stanok"),
        "engine-dsn": (STANOK, f"postgresql://engine:{engine}@timescaledb:5432/stanok"),
        "stanok-mqtt": (STANOK, broker),
    }


def write(folder: Path) -> None:
    """Write all files, each complete before it has its name."""
    for name, (owner, content) in contents().items():
        draft = folder / f".{name}"
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        os.write(handle, content.encode())
        os.fsync(handle)
        os.close(handle)
        os.chown(draft, owner, owner)
        draft.rename(folder / name)
    (folder / "complete").touch()


def main() -> None:
    """`make_secrets.py FOLDER`"""
    folder = Path(sys.argv[1])
    if not (folder / "complete").exists():
        write(folder)


if __name__ == "__main__":
    main()
