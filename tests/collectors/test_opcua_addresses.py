"""Addresses: what may be written in a plant file, and how it is found in a server's tree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest
from asyncua import ua

from collectors.opcua.addresses import Step, parse_address
from collectors.opcua.resolve import Child, resolve

NAMESPACES = ["http://opcfoundation.org/UA/", "urn:server", "http://a/", "http://b/"]


def node(text: str) -> ua.NodeId:
    return ua.NodeId.from_string(text)


TREE: dict[str, list[tuple[str, int, str]]] = {
    "i=85": [("ns=2;s=Machines", 2, "Machines")],
    "ns=2;s=Machines": [("ns=3;s=m", 3, "m"), ("ns=3;s=n", 3, "n")],
    "ns=3;s=m": [("ns=2;s=Monitoring", 2, "Monitoring"), ("ns=2;s=x2", 2, "x"), ("ns=3;s=x3", 3, "x")],
    "ns=2;s=Monitoring": [("ns=2;s=Tool", 2, "MachineTool"), ("ns=2;s=Ch", 2, "Kanal 1")],
    "ns=2;s=Ch": [("ns=2;s=State", 2, "ChannelState")],
}


async def find(machine: str, *signals: str) -> list[ua.NodeId | str]:
    browsed: list[ua.NodeId] = []

    async def browse(nodes: Sequence[ua.NodeId]) -> list[list[Child]]:
        browsed.extend(nodes)
        found = {node(parent): children for parent, children in TREE.items()}
        return [[Child(node(id), index, name) for id, index, name in found.get(parent, [])] for parent in nodes]

    results = await resolve([(parse_address(machine), parse_address(signal)) for signal in signals], NAMESPACES, browse)
    assert len(browsed) == len(set(browsed)), "a node was browsed twice"
    return results


def test_uris_may_hold_slashes() -> None:
    found = parse_address("Monitoring/nsu=http://b/c/;Stop/<Channel>")
    assert found.steps == (Step(None, "Monitoring"), Step("http://b/c/", "Stop"), Step(None, None))


@pytest.mark.parametrize("text", ["", "/", "a//b", "a/", "/a", "nsu=http://x/;i=seven", "ns=2;s=a", "nsu=http://x/;"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_address(text)


async def test_a_path_is_found_by_names_whatever_stands_for_the_channel() -> None:
    assert await find("m", "Monitoring/<Channel>/ChannelState") == [node("ns=2;s=State")]
    assert await find("nsu=http://b/;m", "nsu=http://a/;Monitoring/MachineTool") == [node("ns=2;s=Tool")]


async def test_a_name_in_another_namespace_is_not_taken() -> None:
    assert await find("m", "nsu=http://a/;x", "nsu=http://b/;x") == [node("ns=2;s=x2"), node("ns=3;s=x3")]
    assert await find("m", "nsu=http://b/;Monitoring") == ["no node Monitoring"]


async def test_an_address_that_fits_two_nodes_finds_none() -> None:
    assert await find("m", "x") == ["2 nodes fit; write the names out"]


async def test_a_node_id_is_found_by_its_namespaces_uri() -> None:
    found = await find("m", "nsu=http://b/;s=speed", "nsu=http://gone/;s=speed", "nsu=http://a/;i=7")
    assert found == [node("ns=3;s=speed"), "the server has no namespace http://gone/", node("ns=2;i=7")]


async def test_one_missing_element_does_not_hide_the_others() -> None:
    assert await find("m", "Monitoring/Nothing/At/All", "Monitoring/MachineTool") == [
        "no node Nothing",
        node("ns=2;s=Tool"),
    ]


async def test_a_text_identifier_may_hold_anything() -> None:
    (found,) = await find("m", "nsu=http://b/;s=/Channel/State/progStatus[u1,1];ns=9")
    assert isinstance(found, ua.NodeId)
    assert (found.NamespaceIndex, found.Identifier) == (3, "/Channel/State/progStatus[u1,1];ns=9")


async def test_all_kinds_of_identifiers_are_understood() -> None:
    found = await find("m", "nsu=http://b/;b=AQI=", "nsu=http://b/;g=72962b91-fa75-4ae6-8d28-b404dc7daf63")
    assert found == [node("ns=3;b=0x0102"), node("ns=3;g=72962b91-fa75-4ae6-8d28-b404dc7daf63")]


@pytest.mark.parametrize("kind", ["i=7", "s=a/b;c", "g=09087e75-8e5e-499b-954f-f2a9603db28a", "b=AAECgA=="])
async def test_all_four_kinds_of_node_ids_are_the_ones_that_opc_ua_writes_so(kind: str) -> None:
    assert await find(f"nsu=http://a/;{kind}", "Tool") == ["no node Tool"]
    assert await find("m", f"nsu=http://b/;{kind}") == [node(f"ns=3;{kind}")]


def test_a_plant_file_is_read_without_the_library_that_talks_to_servers() -> None:
    program = "import sys, collectors.opcua.settings; print('asyncua' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\n"
    )
