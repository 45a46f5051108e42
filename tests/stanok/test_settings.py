"""Settings: file, environment, command line in this order; a wrong key is named by its path."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from stanok.settings import Settings, load_settings


def settings(path: Path | None = None, given: dict[str, object] | None = None, **environment: str) -> Settings:
    return load_settings(path, given or {}, environment)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[database]\ndsn = "file"\n[engine]\ntick_s = 3.0\ncommit_s = 4.0\n')
    assert settings(path).dsn() == "file"
    assert settings(path, STANOK__DATABASE__DSN="environment").dsn() == "environment"
    found = settings(path, {"database.dsn": "line", "broker.url": None}, STANOK__DATABASE__DSN="environment")
    assert found.dsn() == "line"
    assert (found.engine.tick_s, found.engine.commit_s, found.broker.url) == (3.0, 4.0, None)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"STANOK__DATABASE__PASSWORD": "x"}, "database.password: there is no such setting"),
        ({"STANOK__COLOUR": "x"}, "colour: there is no such setting"),
        ({"STANOK__ENGINE__TICK_S": "soon"}, "engine.tick_s"),
        ({"STANOK__ENGINE__COMMIT_S": "0"}, "engine.commit_s"),
        ({"STANOK__HEALTH__ENGINE_PORT": "70000"}, "health.engine_port"),
    ],
)
def test_a_wrong_setting_is_named_by_its_path(environment: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        settings(**environment)


def test_a_secret_comes_from_a_file_and_a_missing_file_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://stanok@127.0.0.1/stanok\n")
    assert settings(STANOK__DATABASE__DSN_FILE=str(secret)).dsn() == "postgresql://stanok@127.0.0.1/stanok"
    with pytest.raises(InputError, match=r"database\.dsn_file: .*nowhere cannot be read"):
        settings(STANOK__DATABASE__DSN_FILE=str(tmp_path / "nowhere")).dsn()


def test_a_file_that_is_not_toml_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[database\n")
    with pytest.raises(InputError, match=r"settings\.toml: is not valid TOML: .*line 1"):
        settings(path)


def test_without_a_database_the_embedded_one_is_meant() -> None:
    assert settings().dsn() is None


def test_health_ports_may_be_off_and_children_get_what_their_parent_was_given() -> None:
    given = settings(STANOK__HEALTH__ENGINE_PORT="off", STANOK__HEALTH__COLLECTOR_PORT="0", STANOK__ENGINE__TICK_S="3")
    assert (given.health.engine_port, given.health.collector_port) == ("off", 0)
    again = load_settings(None, {}, given.for_children())
    assert (again.health, again.engine) == (given.health, given.engine)
