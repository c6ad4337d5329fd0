# SPDX-License-Identifier: MIT
"""host.linkcheck: the verdict, the patience, and the command at a virtual board."""

import json

import pytest
from workbench import PICO, SMALL, Workbench

from host import linkcheck
from host.errors import HostError
from host.linkcheck import Answer, Verdict
from host.visit import Visit

ASKED = {"sf": 7, "rssi_dbm": -101, "snr_qdb": 30, "message": False}
GOOD = ASKED | {"margin_db": 12, "gateways": 1}
NONE = ASKED | {"margin_db": None, "gateways": None, "rssi_dbm": None, "snr_qdb": None}
JOINED = {"joined": True, "anew": False}
FAIR_USE = {"wait_s": 7500, "rule": "fair use"}


def answers(*margins, gateways=1):
    return [
        Answer(7, margin, None if margin is None else gateways, -101, 7.5) for margin in margins
    ]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("good", answers(10, 14, 11)),
        ("poor", answers(14, 9, 14)),
        ("poor", answers(5)),
        ("bad", answers(14, 4)),
        ("good", answers(4, 4, gateways=2)),
        ("good", answers(12, 12, 12, 12, None)),
        ("poor", answers(12, 12, None)),
        ("bad", answers(12, 4, None)),
        ("bad", answers(None, None)),
        ("not joined", []),
    ],
)
def test_the_verdict_goes_by_margin_gateways_and_what_came_through(word, found):
    assert Verdict(found).word == word
    assert Verdict(found).public()["next"] == linkcheck.ADVICE[word]


def firmware(*rows):
    """The files of a node whose link checks say one row after the other."""
    contents = {name: text.encode() for name, text in SMALL.items() if text}
    contents |= {"manifest.json": b"{}", "service.mpy": b"", "state/config.0": b"x"}
    texts = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    check = f"rows = {texts!r}\ndef check(now_s):\n    print('at', now_s)\n    print(rows.pop(0))\n"
    return contents | ({"linkcheck.py": check.encode()} if rows else {})


@pytest.fixture
def node(tmp_path):
    """A function: a board whose checks say these rows, in a link check of `count`."""

    def run(*rows, count=1):
        said, waited = [], []
        bench = Workbench(tmp_path, PICO, contents=firmware(*rows))
        with bench, bench._port() as port, Visit(port) as visit:
            visit.stays = True
            try:
                found = linkcheck.check(visit, count, said.append, lambda: 1.8e9, waited.append)
            except HostError as error:
                found = error
        return found, said, waited

    return run


def test_it_waits_joins_and_asks(node):
    found, said, waited = node({"wait_s": 5, "rule": "join back-off"}, JOINED, GOOD, GOOD, count=2)
    assert found.answers == [Answer(7, 12, 1, -101, 7.5)] * 2 and waited == [5]
    assert said[:2] == ["waits 5 s: join back-off", "joined the network"]
    expected = "SF7: 12 dB to spare at 1 gateway; the answer came with -101 dBm, SNR 7.5 dB"
    assert said[2:] == [f"check {number} of 2: {expected}" for number in (1, 2)]


def test_a_ration_that_is_used_up_ends_it_with_what_there_is(node):
    found, said, waited = node(GOOD, FAIR_USE, count=3)
    assert len(found.answers) == 1 and found.word == "good" and waited == []
    assert said[-1] == "the airtime of the day is used up, again in 2 h 5 min"


def test_a_join_is_tried_once_at_each_data_rate(node):
    refused = {"joined": False, "anew": False}
    found, said, _ = node(*[refused] * 6)
    assert found.word == "not joined" and said[-1] == "join try 6 of 6 was not answered"


@pytest.mark.parametrize(
    ("row", "cause", "step"),
    [
        (FAIR_USE, "the airtime of the day for link checks is used up", "again in 2 h 5 min"),
        ({"wait_s": 3601, "rule": "join back-off"}, "wait for 1 h 1 min: join back-off", "then"),
        ({"wait_s": 0, "rule": "new keys"}, "all join numbers", "--new-keys"),
        ({"joined": False, "anew": True}, "registered this node anew", "--new-keys"),
        ({"radio": "no SX127x"}, "the radio of the node does not answer: no SX127x", "wires"),
        ("{", "was garbled", "again"),
        ({"other": 1}, "was garbled", "again"),
    ],
)
def test_what_keeps_a_node_from_it_is_named(node, row, cause, step):
    found, _, waited = node(row)
    assert cause in str(found) and step in found.next_step and waited == []


def test_an_older_firmware_and_a_board_that_is_no_node_are_told_what_to_do(node, tmp_path):
    found, _, _ = node()
    assert "knows no link check" in str(found) and "node071 flash" in found.next_step
    (tmp_path / "blank").mkdir(mode=0o700)
    bench = Workbench(tmp_path / "blank", PICO, contents={})
    with bench, bench._port() as port, Visit(port) as visit, pytest.raises(HostError) as error:
        linkcheck.check(visit, 1, str)
    assert "setup" in error.value.next_step


def test_the_command_says_the_verdict_and_sends_the_node_back_to_work(tmp_path):
    poor, lost = ASKED | {"margin_db": 7, "gateways": 1}, {"message": True}
    with Workbench(tmp_path, PICO, contents=firmware(GOOD, poor, poor | lost)) as bench:
        program = bench.start("link-check", "--json", ledger=False)
        out, errors = program.communicate(timeout=60)
        told = json.loads(out)
        assert (program.returncode, errors, told["verdict"]) == (1, "", "poor")
        assert [each["margin_db"] for each in told["answers"]] == [12, 7, 7]
        assert told["message_lost"] and told["answers"][0]["snr_db"] == 7.5
        assert "/service" not in bench.files()
