# SPDX-License-Identifier: MIT
"""host.monitor: what a node prints, in words; a pulled plug; a node that is not disturbed."""

import json
import signal
import time
from datetime import UTC, datetime

import pytest
from workbench import TTGO, Workbench

from host import monitor

AT = datetime(2027, 1, 5, 9, 30, tzinfo=UTC)
PROGRAM = b"""
import time
try:
    for number in range(10000):
        print("{:>7} reading".format(number), {1: 612, 2: -31, -1: 4, -4: 2})
        time.sleep_ms(50)
except KeyboardInterrupt:
    print("disturbed")
"""
VALUES = {
    "co2": 612, "temperature": -3.1, "faults": ["humidity"], "flags": ["needs airing"]
}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "kind", "uptime_s", "text"),
    [
        (b"    134 joined after 2 tries\r", "good", 134, "joined after 2 tries"),
        (b"      9 join try 1 was not answered", "note", 9, "join try 1 was not answered"),
        (b"1234567 radio: no radio", "wrong", 1234567, "radio: no radio"),
        (b"OSError: [Errno 5] EIO", "wrong", None, "OSError: [Errno 5] EIO"),
        (b"      1 reading {1: 'x'}", "log", 1, "reading {1: 'x'}"),
        (b"      1 reading {1: -}", "log", 1, "reading {1: -}"),
        (b"\x1b]0;owned\x07 \xff12", "log", None, "?]0;owned? \ufffd12"),
    ],
)
def test_a_line_has_its_kind_and_no_command_for_the_terminal(raw, kind, uptime_s, text):
    line = monitor.line_of(raw, AT)
    assert (line.kind, line.uptime_s, line.text, line.values) == (kind, uptime_s, text, None)


def test_a_reading_is_in_natural_units():
    line = monitor.line_of(b"     41 reading {1: 612, 2: -31, -1: 4, -4: 2}", AT)
    assert (line.kind, line.values) == ("reading", VALUES)
    expected = "41 reading: co2 612 ppm, temperature -3.1 °C, faults humidity, flags needs airing"
    assert line.shown().endswith(expected)
    assert line.public()["time"] == "2027-01-05T09:30:00.000+00:00"


def test_that_nobody_answers_is_explained_once_a_start():
    texts = [b"1 join try 1 was", b"2 join try 2 was", b"3 joined after 3 tries", b"4 join try 1 w"]
    said = []
    lines = (monitor.line_of(each, AT) for each in texts)
    assert len(list(monitor.advised(lines, said.append))) == 4
    assert said == [monitor.NO_NETWORK] * 2


def heard(program):
    """The lines of a monitor with --json, as they come."""
    for text in program.stdout:
        yield json.loads(text)


def test_it_outlasts_a_pulled_plug_disturbs_nothing_and_ends_by_ctrl_c(tmp_path):
    with Workbench(tmp_path, TTGO, contents={"main.py": PROGRAM}) as bench:
        program = bench.start("monitor", "--json", ledger=False)
        lines = heard(program)
        next(lines)  # it may have come in the middle of a line
        first = [next(lines) for _ in range(3)]
        assert all(each["values"] == VALUES and each["kind"] == "reading" for each in first)
        bench.board.become("unplugged")
        assert next(each for each in lines if each["kind"] == "port")["text"] == monitor.UNPLUGGED
        bench.board.plug_in()
        assert next(each for each in lines if each["kind"] == "reading")["values"] == VALUES
        assert bench.board.starts == ["power"]
        program.send_signal(signal.SIGINT)
        rest, errors = program.communicate(timeout=20)
        assert (program.returncode, errors) == (0, "")
        assert "disturbed" not in rest and "port" not in rest


def test_it_ends_at_a_given_time_and_lets_go_of_the_port(tmp_path):
    with Workbench(tmp_path, TTGO, contents={"main.py": PROGRAM}) as bench:
        for _ in range(2):
            lines = monitor.follow(str(bench.link))
            assert next(lines).kind == "reading"
            lines.close()
        assert list(monitor.follow(str(bench.link), time.monotonic())) == []
