# SPDX-License-Identifier: MIT
"""The command line: results on stdout, one line or one JSON value for whatever goes wrong."""

import contextlib
import errno
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from host.cli import cli
from host.commands import Commands
from host.lorawan import DataFrame, MType, Session

ROOT = Path(__file__).parents[2]
SCENARIO = ROOT / "simulator" / "scenarios" / "school-day.toml"
KEY = "2b7e151628aed2a6abf7158809cf4f3c"
PHY = "40341b26800100000101020304"
TOO_LATE_S = 60


@pytest.fixture
def files(tmp_path):
    """A directory with files that have something wrong, made the current one."""
    with contextlib.chdir(tmp_path):
        make_files()
        yield tmp_path


def make_files():
    text = SCENARIO.read_text()
    for name, old, new in (
        ("key", "x_m = 800", "xm = 800"),
        ("kit", 'kit = "classroom"', 'kit = "classrom"'),
        ("board", 'board = "rpi-pico-rfm95"', 'board = "pico"'),
        ("backwards", "duration_h = 24", "duration_h = -24"),
        ("broken", "duration_h = 24", "duration_h = = 24"),
    ):
        assert text.count(old) == 1
        Path(f"{name}.toml").write_text(text.replace(old, new))
    Path("capture.jsonl").write_text('{"time": "2026-11-23T06:00:43.3Z", "gatew')
    Path("devices.json").write_text('{"nodes": [{"name": "a", "dev_eui": "0102030405060708"')
    Path("keyless").mkdir()
    Path("keyless/capture.jsonl").write_text("")
    Path("keyless/devices.json").write_text('{"nodes": [{"name": "a", "sessions": []}]}')
    Path("firmware").mkdir()
    Path("firmware/main.py").write_text("import node\n\nnode.run(\n")
    Path("binary").write_bytes(bytes(range(256)))


def run(*words, stdin=None):
    return CliRunner().invoke(cli, [str(word) for word in words], input=stdin, prog_name="node071")


def test_what_is_known_is_named_once():
    known = run("simulate", "classrom").stderr.partition("known: ")[2].split(", ")
    assert len(known) == len(set(known)) > 10


BAD = [
    # the command line itself: 2
    ("--foo", 2, "no such option '--foo'; see node071 --help"),
    ("frobnicate", 2, "no such command 'frobnicate'; see node071 --help"),
    ("simulate --hour 3", 2, "no such option '--hour'"),
    ("simulate classrom", 2, "unknown scenario 'classrom'; did you mean classroom? known: "),
    ("simulate nothing-near", 2, "unknown scenario 'nothing-near'; known: "),
    # what can be seen without the ledger is said before a passphrase is asked for
    ("flash --board rpi-pico-rfm95 --port nowhere", 1, "there is no port nowhere; ports: "),
    ("provision --board rpi-pico-rfm95 --kit bin --port nowhere", 1, "there is no port nowhere"),
    ("simulate --hours -1", 2, "--hours is -1; give 0.01 to 100000"),
    ("simulate --hours nan", 2, "--hours is nan; give 0.01 to 100000"),
    ("simulate --hours inf", 2, "--hours is inf; give 0.01 to 100000"),
    ("simulate --hours soon", 2, "'soon' is not a valid float"),
    ("simulate --seed -1", 2, "'--seed': -1 is not in the range x>=0"),
    ("simulate --firmware nowhere", 2, "Directory 'nowhere' does not exist"),
    ("simulate one two", 2, "got unexpected extra argument (two); see node071 simulate --help"),
    ("boards show pico", 2, "unknown board 'pico'; known: ttgo-lora32-v1, ttgo-lora32-v1_3, ttgo"),
    ("kits show classrom", 2, "unknown kit 'classrom'; did you mean classroom? known: class"),
    ("kits show classroom --board rpi-pico-rfm96", 2, "; did you mean rpi-pico-rfm95? known: ttgo"),
    ("kits show", 2, "missing argument 'NAME'; see node071 kits show --help"),
    ("replay", 2, "missing argument 'CAPTURE'"),
    ("replay capture.jsonl --to moon", 2, "'moon' is not one of 'table', 'network'"),
    ("decode", 2, "nothing to decode, or too much; give --payload HEX or --phy HEX"),
    (f"decode --payload a0 --phy {PHY}", 2, "nothing to decode, or too much"),
    (f"decode --phy {PHY} --nwk-skey {KEY}", 2, "--phy is encrypted; give --nwk-skey HEX and"),
    ("decode --payload xyz", 2, "'--payload': not hexadecimal"),
    ("decode --payload @binary", 2, "'--payload': not hexadecimal"),
    (f"decode --phy {PHY} --nwk-skey {KEY}00 --app-skey {KEY}", 2, "17 bytes, 16 are needed"),
    # files, boards and runs: 1
    ("simulate key.toml", 1, "key.toml, line 18: [gateway] unknown key 'xm'; did you mean x_m? kn"),
    ("simulate kit.toml", 1, "kit.toml, line 23: [node] unknown kit 'classrom'; did you mean cla"),
    ("simulate board.toml", 1, "board.toml, line 24: [node] unknown board 'pico'; known: ttgo"),
    ("simulate backwards.toml", 1, "backwards.toml, line 3: 'duration_h' is -24, it has to"),
    ("simulate broken.toml", 1, "broken.toml, line 3, column 14: Invalid value; correct that"),
    ("simulate none.toml", 1, "none.toml does not exist; check the path"),
    ("simulate --out keyless/devices.json/x", 1, "Not a directory; check the path"),
    ("simulate --firmware keyless", 1, "keyless has no main.py; name the directory that holds"),
    ("simulate --firmware firmware", 1, "firmware/main.py, line 4: SyntaxError"),
    ("replay none.jsonl", 1, "there is no file none.jsonl; name the capture.jsonl of a run"),
    ("replay keyless", 1, "there is no file keyless"),
    ("replay capture.jsonl", 1, "devices.json, line 1: Expecting"),
    ("replay keyless/capture.jsonl", 1, "devices.json, node 1: 'dev_eui' is missing or not 8"),
    ("replay keyless/capture.jsonl --devices none", 1, "none does not exist; name the keys with"),
    ("decode --payload a10119", 1, "no CBOR after byte 3"),
    ("decode --payload a0 --f-port 9", 1, "FPort 9 is not one of a node; 1 readings, 2 settings"),
    ("decode --payload @none", 1, "none: No such file or directory; check the path"),
    (f"decode --phy 00 --nwk-skey {KEY} --app-skey {KEY}", 1, "check that the frame and its keys"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "status", "said"), BAD, ids=[row[0] for row in BAD])
def test_whatever_is_wrong_is_one_line_and_the_status_says_where(files, words, status, said):
    done = run(*words.split())
    assert done.exit_code == status and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert done.stderr.endswith("\n") and said in done.stderr and KEY not in done.stderr


@pytest.mark.parametrize(("words", "status", "said"), BAD, ids=[row[0] for row in BAD])
def test_with_json_it_is_one_json_value(files, words, status, said):
    done = run(*words.split(), "--json")
    assert done.exit_code == status and done.stderr == ""
    value = json.loads(done.stdout)
    assert set(value) == {"error", "next"} and value["next"]
    if "node071 --help" not in said:  # --json is no option of the whole
        assert said in f"{value['error']}; {value['next']}"


def test_a_mistake_of_ours_is_one_line_too():
    @click.group(cls=Commands)
    def group():
        pass

    @group.command()
    def fails():
        raise ValueError("this\nhas two lines")

    done = CliRunner().invoke(group, ["fails"])
    assert done.exit_code == 1 and done.stdout == ""
    cause = r"ValueError in test_cli\.py, line \d+: this has two lines"
    assert re.fullmatch(rf"error: {cause}; this is a mistake in node071: .*\n", done.stderr)


def test_a_folder_that_does_not_suit_a_library_is_no_news(tmp_path):
    """platformdirs warns of a runtime folder that others may enter."""
    (wide := tmp_path / "wide").mkdir(mode=0o755)
    (tmp_path / "port").write_text("no port")
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "monitor", "--port", "port"],
        cwd=tmp_path,
        env={**os.environ, "XDG_RUNTIME_DIR": str(wide), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    said = "error: port is no serial port; node071 doctor finds those with a board\n"
    assert done.stderr == said


def test_a_file_called_json_is_not_the_option(files):
    done = run("replay", "--", "--json")
    assert (done.exit_code, done.stdout) == (1, "") and "no file --json" in done.stderr


@pytest.mark.parametrize(
    "words", ["boards", "boards show rpi-pico-rfm95", "kits", "kits show classroom"]
)
def test_a_list_is_for_people_or_one_json_value(words):
    text, value = run(*words.split()), run(*words.split(), "--json")
    assert text.exit_code == value.exit_code == 0 and text.stderr == value.stderr == ""
    found = json.loads(value.stdout)
    rows = found if isinstance(found, list) else [found]
    assert all(row["name"] in text.stdout and row["title"] in text.stdout for row in rows)
    # the option holds for the commands of a group too
    group, *rest = words.split()
    assert run(group, "--json", *rest).stdout == value.stdout


def test_decode_in_words_and_in_json():
    payload = "a3011902640218d503182d"
    value = json.loads(run("decode", "--payload", payload, "--json").stdout)
    reading = {"age_s": 0, "co2": 612, "temperature": 21.3, "humidity": 45}
    assert value == {"readings": [reading], "unknown": {}}
    assert run("decode", "--payload", payload).stdout == (
        "age_s 0  co2 612  temperature 21.3  humidity 45\n"
    )


def test_keys_come_from_a_file_or_the_standard_input(files):
    session = Session(0x260B1234, bytes.fromhex(KEY), bytes.fromhex(KEY)[::-1])
    frame = DataFrame(MType.UNCONFIRMED_UP, 0x260B1234, 0, 7, b"", 1, bytes.fromhex("a101190264"))
    Path("nwk").write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")  # as Windows has it
    words = ("decode", "--phy", session.seal(frame).hex(), "--nwk-skey", "@nwk", "--app-skey", "-")
    value = json.loads(run(*words, "--json", stdin=f" {session.app_skey.hex()}\n").stdout)
    assert value["mic_ok"] and value["readings"] == [{"age_s": 0, "co2": 612}]
    Path("nwk").write_text(f"{session.app_skey.hex()}\n")
    assert not json.loads(run(*words, "--json", stdin=KEY).stdout)["mic_ok"]


def helps(command=cli, path=()):
    yield path
    for name, each in getattr(command, "commands", {}).items():
        yield from helps(each, (*path, name))


@pytest.mark.parametrize("path", list(helps()), ids=" ".join)
def test_every_help_reads_well(path):
    done = run(*path, "--help")
    assert done.exit_code == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.rstrip().endswith("...") and line[:2] == "  "]
    command = cli
    for name in path:
        command = command.commands[name]
    assert command.help and all(
        option.help for option in command.params if isinstance(option, click.Option)
    )


def test_without_a_command_there_is_help():
    done = run()
    assert done.exit_code == 2 and done.stdout == "" and "Commands:" in done.stderr


# As a program of its own.


def program(*words):
    return [sys.executable, "-m", "host.cli", *map(str, words)]


def start(*words, stderr=subprocess.PIPE, **options):
    return subprocess.Popen(
        program(*words), cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True, **options
    )


def test_the_command_line_starts_light():
    code = "import sys, host.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    modules = set(done.stdout.split())
    heavy = {"numpy", "matplotlib", "rich", "littlefs", "cbor2", "cryptography", "serial",
             "asyncio", "simulator", "host.desk", "host.lorawan"}  # fmt: skip
    assert "host.boards" in modules and not heavy & modules


def test_a_run_says_its_results_and_nothing_else(tmp_path):
    plain = start("simulate", "--hours", 2, "--out", tmp_path / "one")
    value = start("simulate", "--hours", 2, "--json", "--out", tmp_path / "two")
    out, err = plain.communicate(timeout=TOO_LATE_S)
    assert plain.returncode == 0 and err == ""
    head, *rows = out.splitlines()
    assert head.split()[:3] == ["time", "CO2", "ppm"] and "\x1b" not in out
    assert [line.split()[1] for line in rows if line.startswith("Mon")][:2] == ["07:00", "07:09"]
    assert "  uplinks   13 sent, 13 heard" in rows
    out, err = value.communicate(timeout=TOO_LATE_S)
    assert value.returncode == 0 and err == ""
    summary = json.loads(out)
    assert summary == json.loads((tmp_path / "two" / "summary.json").read_text())
    assert (summary["nodes"][0]["uplinks_heard"], summary["seed"]) == (13, 1)
    assert json.loads((tmp_path / "one" / "summary.json").read_text()) == summary


@pytest.mark.parametrize(
    ("kit", "columns", "said"),
    [
        ("bin", "fill % bin dist mm temp C", "fill 0 % now, not emptied"),
        ("water", "level mm dist mm water C", "level -"),
        ("parking", "bay taken % dist mm temp C", "bay taken for 0% of the time"),
        ("classroom", "CO2 ppm air temp C hum %", "CO2 0 minutes above 800 ppm"),
        ("classroom-s8", "CO2 ppm air temp C hum %", "CO2 0 minutes above 800 ppm"),
        ("crossing", "passed total", "passed 2 in all, at most 2 between two readings"),
        ("bikes", "forward total back total", "back 0 in all"),
    ],
)
def test_a_kit_shows_what_its_user_looks_at_and_so_does_its_replay(tmp_path, kit, columns, said):
    shown = run("simulate", kit, "--hours", 0.5, "--out", tmp_path).stdout
    again = run("replay", tmp_path / "capture.jsonl").stdout
    for clock, text in (("time", shown), ("UTC", again)):
        head, _, second = (" ".join(line.split()) for line in text.splitlines()[:3])
        assert head == f"{clock} {columns} RSSI dBm SNR dB rate frame"
        assert second.startswith(("Mon ", "Sun 23:1")) and "-" not in second.split()[2:-4]
    assert any(" ".join(line.split()).startswith(said) for line in shown.splitlines())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    assert run("simulate", "--hours", 2, "--json", "--out", folder).exit_code == 0
    return folder / "capture.jsonl"


def test_a_replay_in_words_and_in_json(kept):
    done = run("replay", kept)
    assert done.exit_code == 0 and done.stderr == ""
    head, first, *_, last = done.stdout.splitlines()
    assert head.split()[0] == "UTC" and first.split()[:3] == ["Mon", "06:00", "432"]
    assert last == "14 frames, 13 decoded, 1 joins"
    value = json.loads(run("replay", kept, "--json").stdout)
    assert (value["frames"], value["decoded"], value["foreign_lines"]) == (14, 13, [])
    assert value["readings"][0] | {"time": ""} == {
        "time": "", "name": "classroom-1", "f_cnt": 0, "age_s": 0, "co2": 432,
        "temperature": 17.6, "humidity": 44, "restart": "power-on",
    }  # fmt: skip
    assert value["readings"][0]["time"].startswith("2026-11-23T06:00:")


def test_a_replay_to_a_network(kept):
    done = run("replay", kept, "--to", "network")
    assert done.exit_code == 0 and done.stderr == ""
    assert done.stdout.splitlines() == [
        "first time: 13 frames, 13 accepted, 0 copies, 0 refused",
        "once more: 13 frames, 13 refused",
        "  DevNonce 0 seen before",
        *(f"  counter {f_cnt} seen" for f_cnt in range(4)),
        "  and 8 more refused",
        "then a live frame: counter 12 of classroom-1, accepted",
    ]
    value = json.loads(run("replay", kept, "--to", "network", "--json").stdout)
    assert (value["accepted"], value["refused"], len(value["reasons"])) == (13, 13, 13)
    assert value["live"] == {"name": "classroom-1", "f_cnt": 12, "accepted": True, "reason": ""}


CHATTER = """\
import gc
gc.threshold(16384)  # as main.py has it
import uplink
pack = uplink.pack
def packed(*arguments):
    payload, taken = pack(*arguments)
    return b"\\xff" + payload, taken
uplink.pack = packed
import node
node.run()
"""


def test_ones_own_firmware_runs_and_what_it_says_may_be_nonsense(tmp_path):
    own, folder = tmp_path / "own", tmp_path / "out"
    shutil.copytree(ROOT / "firmware", own)
    (own / "main.py").write_text(CHATTER)
    words = ("simulate", "--firmware", own, "--hours", 1, "--out", folder, "--json")
    done = run(*words)
    value = json.loads(done.stdout)
    assert done.exit_code == 1 and "expected longest_gap_h <= 0.35" in value["error"]
    (node,) = value["nodes"]
    assert node["uplinks_heard"] >= 6 and node["decoded"] == 0
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    causes = [each["cause"] for each in events if each["event"] == "not decoded"]
    assert len(causes) >= 6 and all(each.startswith("no CBOR") for each in causes)
    value = json.loads(run("replay", folder / "capture.jsonl", "--json").stdout)
    assert (value["decoded"], value["unreadable"]) == (0, len(causes))


def test_foreign_lines_are_named_and_never_fatal(kept, tmp_path):
    path = tmp_path / "capture.jsonl"
    text = kept.read_text()
    path.write_text("hello\n" * 7 + text[: len(text) - 20])
    words = ("replay", path, "--devices", kept.with_name("devices.json"))
    for target in ("table", "network"):
        done = run(*words, "--to", target)
        assert done.exit_code == 0
        assert done.stderr.splitlines() == [
            *(f"capture.jsonl, line {number}: not JSON; passed over" for number in range(1, 6)),
            "capture.jsonl, and 3 more lines; passed over",
        ]
        value = json.loads(run(*words, "--to", target, "--json").stdout)
        assert len(value["foreign_lines"]) == 8
        last = f"line {len(text.splitlines()) + 7}: cut short"
        assert value["foreign_lines"][::7] == ["line 1: not JSON", last]


def test_jobs_are_one_or_more_and_change_nothing():
    assert run("simulate", "--jobs", 0).exit_code == 2
    words = ("simulate", "first-sensor-fails", "--hours", 0.2, "--json")
    one, two, usual = (run(*words, *more).stdout for more in (("--jobs", 1), ("--jobs", 2), ()))
    assert len(json.loads(one)["nodes"]) == 2
    assert one == two == usual


def test_ctrl_c_ends_a_run_with_one_line_and_readable_files(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "summary.json").write_text("of a run before")
    child = start("simulate", "--hours", 90000, "--out", folder, start_new_session=True)
    for _ in range(4):  # the head and three readings
        child.stdout.readline()
    os.kill(child.pid, signal.SIGSTOP)  # slow to react, so that whoever else is told comes first
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does
    time.sleep(0.1)
    os.kill(child.pid, signal.SIGCONT)
    _, err = child.communicate(timeout=TOO_LATE_S)
    assert child.returncode == 1
    line = r"error: stopped after [\d.]+ h of virtual time; what it did is in .*/run\n"
    assert re.fullmatch(line, err)
    assert "KeyboardInterrupt" not in (folder / "classroom-1.log").read_text()
    assert not (folder / "summary.json").exists()
    value = json.loads(run("replay", folder / "capture.jsonl", "--json").stdout)
    assert value["foreign_lines"] == [] and value["decoded"] >= 3
    csv = (folder / "readings.csv").read_text().splitlines()
    assert len(csv) == 1 + value["decoded"] and csv[-1].count(",") == csv[0].count(",")
    for name in ("events.jsonl", "capture.jsonl"):
        for each in (folder / name).read_text().splitlines():
            json.loads(each)


def test_ctrl_c_is_one_json_value_too(tmp_path):
    folder = tmp_path / "run"
    child = start("simulate", "--hours", 90000, "--out", folder, "--json", start_new_session=True)
    while not (folder / "events.jsonl").exists() and child.poll() is None:
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=TOO_LATE_S)
    assert child.returncode == 1 and err == ""
    assert json.loads(out)["error"].startswith("stopped after ")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, r"MicroPython at .*/own does not start: .*"),
        ("exit 0", r".*/own is no MicroPython"),
        ("echo hello", r".*/own is no MicroPython"),
        ("echo 1 23 6", r"MicroPython at .*/own is 1\.23, 1\.24 is needed"),
        ("echo no module named cryptolib >&2; exit 1",
         r"MicroPython at .*/own is not usable: no module named cryptolib"),
    ],
)  # fmt: skip
def test_an_interpreter_that_cannot_play_a_board_is_one_line(tmp_path, script, said):
    own = tmp_path / "own"
    if script is not None:
        own.write_text(f"#!/bin/sh\n{script}\n")
        own.chmod(0o755)
    done = subprocess.run(
        program("simulate", "--hours", 1), cwd=ROOT, env=os.environ | {"MICROPYTHON": str(own)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        rf"error: {said}; set MICROPYTHON to a unix port of 1\.24 .*\n", done.stderr
    )


@pytest.mark.parametrize(
    "words", ["simulate --hours 100", "boards", "kits --json", "boards show rpi-pico-rfm95"]
)
def test_a_reader_that_goes_away_is_no_mistake(words):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as nobody:
        done = subprocess.run(
            program(*words.split()), cwd=ROOT, stdout=nobody, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("boards", 1, "Bad file descriptor; check the path and its permissions"),
        ("boards --json", 1, "Bad file descriptor; check the path and its permissions"),
        ("kits show --json", 2, "missing argument 'NAME'; see node071 kits show --help"),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_takes_nothing_is_one_line(words, status, said, unbuffered):
    with open(os.devnull) as unwritable:
        done = subprocess.run(
            program(*words.split()),
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=unwritable,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == status
    assert done.stderr.startswith(f"error: {said}") and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.ENOSPC, "make room there, then run this again"),
        (errno.EACCES, "check the path and its permissions"),
    ],
)
def test_a_file_that_cannot_be_written_says_what_to_do_about_it(monkeypatch, number, step):
    def refuse(*_, **__):
        raise OSError(number, "No", "there/labels.pdf")

    monkeypatch.setattr("host.codec.javascript", refuse)
    result = CliRunner().invoke(cli, ["codec"])
    assert (result.exit_code, result.stderr) == (1, f"error: there/labels.pdf: No; {step}\n")


def on_terminal(*words, stdout=True):
    """(status, what a terminal of 80 columns got, what standard output got elsewhere)."""
    inside, outside = pty.openpty()
    child = subprocess.Popen(
        program(*words),
        cwd=ROOT,
        stdout=outside if stdout else subprocess.PIPE,
        stderr=outside,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
    )
    os.close(outside)
    shown = b""
    while True:
        try:
            piece = os.read(inside, 65536)
        except OSError:  # EIO: the last writer has closed it
            break
        if not piece:
            break
        shown += piece
    os.close(inside)
    out, _ = child.communicate(timeout=TOO_LATE_S)
    return child.returncode, shown.decode(), out


def test_a_terminal_shows_a_live_table_and_a_bar():
    status, shown, _ = on_terminal("simulate", "--hours", 2)
    assert status == 0
    assert "\x1b[" in shown and "● air soon" in shown and "100 %" in shown
    assert "joined after 1 try" in shown.rsplit("100 %", 1)[1]


def test_a_bar_goes_to_stderr_when_results_go_elsewhere():
    status, shown, out = on_terminal("simulate", "--hours", 2, "--json", stdout=False)
    assert status == 0 and json.loads(out)["nodes"]
    assert "school-day" in shown and " %" in shown and "CO2" not in shown


def test_a_run_of_a_crowd_alone_says_what_was_heard_of_it(tmp_path):
    path = tmp_path / "town.toml"
    path.write_text(
        'start = 2026-11-23T07:00:00Z\nduration_h = 1\n[[gateway]]\nname = "roof"\n'
        '[[crowd]]\nname = "town"\ncount = 20\n'
    )
    done = run("simulate", path)
    said = r"^town \(20 cheap nodes\): 1\d\d frames sent, 1\d\d heard$"
    assert done.exit_code == 0 and re.search(said, done.stdout, re.M)
