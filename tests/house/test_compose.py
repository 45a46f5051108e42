"""docker-compose.yml and what it mounts: valid, closed to the outside, without passwords, and like the demo plant.

Docker itself cannot be had where these tests run; the parts that can run without it do: the secrets are made, the real
Mosquitto takes them, and a real PostgreSQL runs the script of roles.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from ruamel.yaml import YAML

from dashboards.catalogue import LANGUAGES, catalogue
from dashboards.panels import SOURCE
from stanok.embedded import EmbeddedPostgres, find_binaries
from stanok.plantfile import load_plant as read_plant
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.pg.plant import load_plant
from storage.pg.roles import ROLES

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
PROVISIONING = ROOT / "docker/grafana/provisioning"
READY_S = 10.0


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(FILE)
    return found


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def script(name: str) -> ModuleType:
    """A script of the folder docker as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docker/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_a_valid_compose_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_linters_have_nothing_but_digests_against_it() -> None:
    """Digests cannot be known without a registry; `secrets` is root to give files away, alone and without a network."""
    folder = Path(sys.executable).parent
    linted = run(folder / "compose-lint", "check", "--format", "json", FILE)
    findings = {(found["rule_id"], found["service"]) for found in json.loads(linted.stdout)["findings"]}
    assert linted.returncode == 0, linted.stdout
    assert {rule for rule, _ in findings} == {"CL-0018", "CL-0019"}
    assert {service for rule, service in findings if rule == "CL-0018"} == {"secrets"}
    checked = run(folder / "hadolint", ROOT / "Dockerfile")
    assert checked.returncode == 0, checked.stdout


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def test_simulators_are_a_profile_that_is_switched_on(compose: dict[str, Any]) -> None:
    profiles = {name: service["profiles"] for name, service in compose["services"].items() if "profiles" in service}
    assert profiles == {"simulators": ["simulators"]}
    assert "COMPOSE_PROFILES=simulators\n" in (ROOT / ".env").read_text(encoding="utf-8")
    assert not any("simulators" in service.get("depends_on", {}) for service in compose["services"].values())


def test_it_has_a_name_and_no_version(compose: dict[str, Any]) -> None:
    assert compose["name"] == "stanok"
    assert "version" not in compose


def test_ports_are_open_on_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) >= 3
    assert all(isinstance(port, str) and port.startswith("127.0.0.1:") for port in ports), ports
    assert not any(service.get("network_mode") == "host" for service in compose["services"].values())


def test_images_are_pinned_to_a_release(compose: dict[str, Any]) -> None:
    dockerfile = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    images = [service["image"] for service in compose["services"].values()] + dockerfile
    for image in images:
        assert re.search(r":\d+\.\d+\.\d+(-[a-z0-9]+)*$", image), image


def test_no_password_stands_in_any_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|DSN", key):
                assert key.endswith("_FILE"), f"{name}: {key}"
                assert str(value).startswith("/run/stanok/"), f"{name}: {key}"
    for path in (FILE, ROOT / "Dockerfile", *(ROOT / "docker").rglob("*")):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            assert not re.search(r"://[^\s/@]+:[^\s/@]+@", path.read_text(encoding="utf-8")), path


def test_every_service_is_locked_down(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("cap_add", []) == (["CHOWN"] if name == "secrets" else []), name
        assert (service["user"] == "0:0") == (name == "secrets"), name
        assert service["mem_limit"], name


def test_services_restart_and_can_be_asked_for_their_health(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in {"secrets", "migrate"}:
            assert service["restart"] == "no"
        else:
            assert service["restart"] == "unless-stopped"
            assert service["healthcheck"]["test"]


def test_everything_that_is_mounted_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), mount
                assert mount.endswith(":ro"), mount
            else:
                assert source in compose["volumes"], mount


def test_grafana_lets_nobody_in_without_a_login(compose: dict[str, Any]) -> None:
    settings = compose["services"]["grafana"]["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert settings["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_grafana_finds_the_data_source_and_the_boards(compose: dict[str, Any]) -> None:
    (source,) = read_yaml(PROVISIONING / "datasources/stanok.yaml")["datasources"]
    assert (source["uid"], source["type"]) == (SOURCE.uid, SOURCE.type_val)
    providers = read_yaml(PROVISIONING / "dashboards/stanok.yaml")["providers"]
    folders = {provider["options"]["path"].rpartition("/")[2]: provider["folder"] for provider in providers}
    assert folders == {language: catalogue(language)["folder"] for language in LANGUAGES}
    assert "./dashboards/json:/var/lib/stanok/boards:ro" in compose["services"]["grafana"]["volumes"]


def test_the_alert_rules_in_docker_are_those_of_the_code() -> None:
    made = script("make_alerts")
    assert made.FILE.read_text(encoding="utf-8") == made.alerts(), "run: python docker/make_alerts.py"
    assert read_yaml(made.FILE)["groups"][0]["name"] == "stanok"


def test_the_plant_in_docker_is_the_demo_plant_at_other_addresses() -> None:
    committed = (ROOT / "docker/plant.toml").read_text(encoding="utf-8")
    assert committed == script("make_plant").plant(), "run: python docker/make_plant.py"
    demo, docker = (tomllib.loads(text) for text in ((ROOT / "simulators/plants/demo.toml").read_text(), committed))
    assert docker["machine"] == demo["machine"]
    assert [source.get("host", source.get("endpoint")) for source in docker["source"]] == [
        "opc.tcp://127.0.0.1:4840/stanok/",
        "mosquitto",
    ]


def test_secrets_are_made_once_and_only_their_reader_may_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {}
    monkeypatch.setattr(os, "chown", lambda path, user, _group: owners.update({Path(path).name.lstrip("."): user}))
    monkeypatch.setattr(sys, "argv", ["make_secrets.py", str(tmp_path)])
    module = script("make_secrets")
    module.main()
    first = {path.name: path.read_text() for path in tmp_path.iterdir()}
    module.main()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == first
    assert set(owners) | {"complete"} == set(first)
    assert {owners["postgres-admin"], owners["grafana-admin"], owners["stanok-dsn"]} == {70, 472, 10001}
    assert all(stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o400 for name in owners)
    assert first["postgres-boards"] == first["grafana-boards"]
    assert first["postgres-stanok"] in first["stanok-dsn"]
    (tmp_path / "complete").unlink()
    module.main()
    assert (tmp_path / "stanok-mqtt").read_text() != first["stanok-mqtt"]


def test_mosquitto_takes_the_password_and_refuses_all_others(tmp_path: Path) -> None:
    broker = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if broker is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is needed; apt-get install mosquitto")
        pytest.skip("mosquitto is not installed")  # in CI that is a failure (tests/fix_honest.py)
    passwords = tmp_path / "passwords"
    passwords.write_text(script("make_secrets").mosquitto_line("stanok", "right"))
    port = free_port()
    shipped = (ROOT / "docker/mosquitto/mosquitto.conf").read_text()
    configuration = tmp_path / "mosquitto.conf"
    configuration.write_text(
        shipped.replace("listener 1883", f"listener {port} 127.0.0.1\nuser root")
        .replace("/run/stanok/mosquitto-passwords", str(passwords))
        .replace("/mosquitto/data/", f"{tmp_path}/")
    )
    process = subprocess.Popen([broker, "-c", str(configuration)], stdout=subprocess.DEVNULL)
    try:
        wait_for_port(port)
        assert login(port, "stanok", "right") == "Success"
        assert login(port, "stanok", "wrong") == "Not authorized"
        assert login(port, None, None) == "Not authorized"
    finally:
        process.terminate()
        process.wait(READY_S)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that the unprivileged user of a database server can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_roles_of_the_database_can_do_their_work_and_no_more(open_folder: Path) -> None:
    secrets = open_folder / "secrets"
    secrets.mkdir()
    for name in ("postgres-stanok", "postgres-engine", "postgres-boards"):
        (secrets / name).write_text(f"secret of {name}")
    with EmbeddedPostgres(open_folder / "server") as server:
        admin = rename_superuser(server.dsn)
        run_roles(admin, secrets)
        owner, engine, boards = (
            as_role(admin, name, f"secret of postgres-{name}") for name in ("stanok", "engine", "boards")
        )
        with connect(owner) as connection:
            assert migrate(connection)
        with connect(engine) as connection:
            assert migrate(connection) == []
            load_plant(connection, read_plant(ROOT / "simulators/plants/demo.toml"), 0)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("delete from stanok.sample_event")
        with psycopg.connect(boards, autocommit=True) as connection:
            assert connection.execute("select count(*) from board.machine_live").fetchone() == (0,)
            for forbidden in (
                "select * from stanok.site",
                "create table board.mine (x int)",
                "select * from pg_authid",
            ):
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
                    connection.execute(forbidden)
            rows = connection.execute("select rolname from pg_roles where rolname ~ '^stanok_'").fetchall()
            mentioned = set(re.findall(r"\bstanok_[a-z_]+\b", ROLES.read_text(encoding="utf-8")))
            assert {name for (name,) in rows} == mentioned - {"stanok_formula", "stanok_raw"}


def rename_superuser(dsn: str) -> str:
    """The embedded server's superuser is called `stanok`, the image's `postgres`; make it like the image."""
    admin = as_role(dsn, "postgres", "admin")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create role postgres superuser login password 'admin'")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("alter role stanok rename to first_user")
    return admin


def as_role(dsn: str, user: str, password: str) -> str:
    return psycopg.conninfo.make_conninfo(dsn, user=user, password=password)


def run_roles(admin: str, secrets: Path) -> None:
    given = psycopg.conninfo.conninfo_to_dict(admin)
    environment = {
        **{"POSTGRES_USER": "postgres", "POSTGRES_DB": "stanok", "STANOK_SECRETS": str(secrets)},
        **{"PGHOST": str(given["host"]), "PGPORT": str(given["port"]), "PGPASSWORD": "admin"},
        "PATH": f"{find_binaries()}:{os.environ['PATH']}",
    }
    subprocess.run([ROOT / "docker/timescaledb/100_roles.sh"], env=environment, check=True)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.02)
        else:
            return


def login(port: int, user: str | None, password: str | None) -> str:
    """What the broker says to a login."""
    answers: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_connect = lambda *found: answers.append(str(found[3]))
    if user is not None:
        client.username_pw_set(user, password)
    client.connect("127.0.0.1", port)
    deadline = time.monotonic() + READY_S
    while not answers and time.monotonic() < deadline:
        client.loop(0.1)
    client.disconnect()
    assert answers, "no answer from mosquitto"
    return answers[0]
