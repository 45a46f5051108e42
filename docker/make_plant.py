"""Writes docker/plant.toml: the demonstration plant with the addresses inside Docker. Run after a change of demo.toml.

The result is committed; tests/house/test_compose.py compares it with a fresh one.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "simulators/plants/demo.toml"
PLANT = ROOT / "docker/plant.toml"

HEAD = """\
# The demonstration plant of docker-compose.yml, made from simulators/plants/demo.toml by docker/make_plant.py.
# For a plant of your own write another file, `stanok check` it, and mount it in its place.
"""

ADDRESSES = {
    "opc.tcp://127.0.0.1:0/": "opc.tcp://127.0.0.1:4840/",
    'host = "127.0.0.1"': 'host = "mosquitto"',
    "port = 0": 'port = 1883\nuser = "stanok"\npassword_file = "/run/stanok/stanok-mqtt"',
}
"""OPC UA stays on loopback: the simulators share the network of Stanok's container."""


def plant() -> str:
    """The content of docker/plant.toml."""
    text = DEMO.read_text(encoding="utf-8")
    text = text[text.index("\n[enterprise]") :]
    for demo, docker in ADDRESSES.items():
        if text.count(demo) != 1:
            raise SystemExit(f"{DEMO} has {demo!r} {text.count(demo)} times, not once; correct docker/make_plant.py")
        text = text.replace(demo, docker)
    return HEAD + text


if __name__ == "__main__":
    PLANT.write_text(plant(), encoding="utf-8")
