# SPDX-License-Identifier: MIT
"""Old and forged downlinks for a node as a run left it: the real firmware takes none of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from host import captures, files, joins
from host.cli import cli
from host.replay import load_devices
from simulator import scenario as scenarios
from simulator.events import EventPlan
from simulator.node_trial import MOST, NodeTrial
from simulator.run import Run

NAME = "classroom-1"
EVENTS = (
    EventPlan(NAME, 0.4, commands=b"\x06"),
    EventPlan(NAME, 0.8, payload=bytes.fromhex("a2000701190258")),  # settings: every 600 s
)


def kept(folder, firmware=None, hours=1.6, **changes):
    """A run with downlinks whose flash is kept; the path of its capture."""
    usual = scenarios.find(None)
    node = replace(usual.nodes[0], **changes.pop("node", {}))
    plan = replace(usual, duration_h=hours, nodes=(node,), events=EVENTS, **changes)
    Run(plan, folder, firmware, keep_flash=True).execute()
    return folder / "capture.jsonl"


def tried(capture):
    """The result of a trial of this capture's node, in this process."""
    frames = list(captures.frames(capture, []))
    (device,) = joins.learn(load_devices(capture, None), frames)
    downlinks = [frame for frame in frames if isinstance(frame, captures.Downlink)]
    return NodeTrial(device, capture.with_name(f"{NAME}.flash"), downlinks).run()


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    return kept(tmp_path_factory.mktemp("run"))


def command(*words):
    """(exit status, JSON) of `node071 replay`."""
    done = CliRunner().invoke(cli, ["replay", *map(str, words), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_all_that_is_old_or_forged_is_refused_and_what_is_new_is_taken(capture):
    flash = capture.with_name(f"{NAME}.flash")
    before = flash.read_bytes()
    status, found = command(capture, "--to", "node")
    assert status == 0
    kinds = [shot["kind"] for shot in found["shots"]]
    assert kinds == ["captured"] * (len(kinds) - 4) + ["forged"] * 3 + ["fresh"]
    assert len(kinds) >= 7  # a join-accept, a MAC command, settings
    assert all(shot["heard"] for shot in found["shots"])
    assert [shot["taken"] for shot in found["shots"]] == [False] * (len(kinds) - 1) + [True]
    reasons = [shot["why"] for shot in found["shots"]]
    assert reasons[0] == "a join-accept, and it asks for none"
    assert reasons[1].startswith("counter 0 was there before: the node is at ")
    assert reasons[-4:] == ["the MIC is wrong"] * 3 + [""]
    assert found["f_cnt_down"] == found["f_cnt_down_after"] >= 1
    assert flash.read_bytes() == before and flash.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("!= down.mic", "!= down.mic and False", "captured"),  # no MIC is checked
        # a counter is anything that the frame says
        ("f_cnt += (down.f_cnt - f_cnt) & 0xFFFF", "f_cnt = down.f_cnt", "captured"),
    ],
)
def test_a_firmware_that_takes_them_is_found_out(tmp_path, old, new, kind):
    firmware = tmp_path / "firmware"
    for path in (files.root() / "firmware").rglob("*.py"):
        own = firmware / path.relative_to(files.root() / "firmware")
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(path.read_text().replace(old, new))
    capture = kept(tmp_path / "out", firmware)
    status, said = command(capture, "--to", "node")
    assert status == 1
    assert said["error"].startswith(f"{NAME} took a {kind} frame: ")


@pytest.mark.parametrize(
    "changes",
    [{"rx1_delay_s": 5}, {"node": {"abp": True}}, {"region": "US915"}, {"downlink_window": 2}],
    ids=["rx1 after 5 s", "abp", "US915", "in RX2 it was"],
)
def test_other_networks_too(tmp_path, changes):
    result = tried(kept(tmp_path, **changes))
    assert result.problem() == "" and len(result.of("captured")) >= 2
    assert result.f_cnt_down_after == result.f_cnt_down >= 0


def test_a_frame_that_never_reached_the_node_is_not_an_old_one(capture):
    frames = list(captures.frames(capture, []))
    (device,) = joins.learn(load_devices(capture, None), frames)
    sent = [frame for frame in frames if isinstance(frame, captures.Downlink)]
    flash = capture.with_name(f"{NAME}.flash")
    trial = NodeTrial(device, flash, sent)
    fresh = replace(sent[-1], phy=bytes.fromhex(trial._fresh().phy))
    assert NodeTrial(device, flash, [*sent, fresh]).result.left_out == 1
    many = [replace(sent[-1], phy=sent[-1].phy[:-2] + n.to_bytes(2, "big")) for n in range(MOST)]
    assert NodeTrial(device, flash, [*sent, *many]).result.left_out >= len(sent) - 1


def test_what_is_missing_is_named(capture, tmp_path):
    for name in ("capture.jsonl", "devices.json"):
        Path(tmp_path, name).write_bytes(capture.with_name(name).read_bytes())
    own = tmp_path / "capture.jsonl"
    status, said = command(own, "--to", "node")
    assert (status, said["next"]) == (1, "keep it: node071 simulate --out DIR --keep-flash")
    status, said = command(capture, "--to", "node", "--node", "other")
    assert status == 2 and said["error"] == "which node? The capture has classroom-1"
    own.write_text("")  # it holds no join: there is no session to forge for
    devices = json.loads((tmp_path / "devices.json").read_text())
    devices["nodes"][0]["sessions"] = []
    (tmp_path / "devices.json").write_text(json.dumps(devices))
    (tmp_path / f"{NAME}.flash").write_bytes(capture.with_name(f"{NAME}.flash").read_bytes())
    status, said = command(own, "--to", "node")
    assert status == 1 and "is both here and in its flash" in said["error"]
