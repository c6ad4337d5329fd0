# SPDX-License-Identifier: MIT
"""A gateway's log opened with AppKeys alone: the sessions come from the joins in it."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from host import captures, joins, replay
from host.cli import cli
from host.ledger import Ledger
from host.node import Node
from host.provision import Identity
from host.vault import Vault
from simulator import scenario
from simulator.run import Run


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    Run(replace(scenario.find(None), duration_h=1), folder).execute()
    return folder / "capture.jsonl"


def bare(kept, **changes):
    """(the device without its sessions, the sessions)."""
    (device,) = replay.load_devices(kept, None)
    return {**device, "sessions": [], **changes}, device["sessions"]


def frames(kept):
    return list(captures.frames(kept, []))


def test_a_join_and_its_answer_are_a_session(kept):
    device, sessions = bare(kept)
    (found,) = joins.learn([device], frames(kept))
    assert found["sessions"] == sessions and len(sessions) == 1
    assert device["sessions"] == []
    assert joins.learn([found], frames(kept)) == [found]  # it is known, and stays one


@pytest.mark.parametrize(
    "changes", [{"app_key": "00" * 16}, {"app_key": ""}, {"dev_eui": "0" * 16}]
)
def test_without_its_key_there_is_none(kept, changes):
    device, _ = bare(kept, **changes)
    assert joins.learn([device], frames(kept)) == [device]


def test_an_answer_before_the_question_is_none(kept):
    device, _ = bare(kept)
    assert joins.learn([device], frames(kept)[::-1]) == [device]


def test_a_forged_request_in_between_does_not_matter(kept):
    device, sessions = bare(kept)
    request, *rest = frames(kept)
    forged = replace(request, phy=request.phy[:17] + b"\xff\xff" + request.phy[19:])
    (found,) = joins.learn([device], [request, forged, *rest])
    assert found["sessions"] == sessions


def test_the_log_of_a_gateway_opens_with_the_ledger(kept, tmp_path):
    device, _ = bare(kept)
    eui, join_eui, app_key = (
        bytes.fromhex(device[key]) for key in ("dev_eui", "join_eui", "app_key")
    )
    identity = Identity("room-1", eui, join_eui, app_key)
    ledger = tmp_path / "nodes.ledger"
    with Ledger.open(ledger, lambda lock: Vault()) as opened:
        opened.add(Node(identity, "rpi-pico-rfm95", "classroom"))
        opened.retire(eui)  # it was in use then
    log = tmp_path / "gateway.log"
    with log.open("w") as file:
        file.write("*** Packet Forwarder ***\n")
        for line in map(json.loads, kept.read_text().splitlines()):
            if "rxpk" in line:
                pushed = {"rxpk": [line["rxpk"] | {"time": line["time"]}]}
                file.write(f"JSON up: {json.dumps(pushed)}\n")
            else:
                file.write(f"JSON down: {json.dumps({'txpk': line['txpk']})}\n")
    words = ["replay", str(log), "--ledger", str(ledger)]
    value = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert value["foreign_lines"] == ["line 1: not JSON"]
    assert (value["joins"], value["unknown"]) == (1, 0) and value["decoded"] >= 5
    assert {row["name"] for row in value["readings"]} == {"room-1"}
    value = json.loads(CliRunner().invoke(cli, [*words, "--to", "network", "--json"]).stdout)
    assert value["accepted"] == value["refused"] >= 5 and value["live"]["accepted"]


def test_a_node_that_never_joins_has_its_session(kept):
    session = joins.Session(0x260B1234, b"n" * 16, b"a" * 16)
    node = Node(Identity("pole", bytes(8), bytes(8), b"", session), "b", "k")
    (device,) = joins.devices([node])
    assert device["sessions"] == [
        {"dev_addr": "260b1234", "nwk_skey": "6e" * 16, "app_skey": "61" * 16}
    ]
    assert joins.learn([device], frames(kept)) == [device]


def test_without_a_ledger_it_says_so(kept, tmp_path):
    words = ["replay", str(kept), "--ledger", str(tmp_path / "none")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 1 and "no ledger at" in done.stderr
