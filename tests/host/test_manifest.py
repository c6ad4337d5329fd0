# SPDX-License-Identifier: MIT
"""A manifest of many nodes: what is taken, and what is said of each line that is wrong."""

import json
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner

from host import manifest
from host.boards import boards, kits
from host.cli import cli
from host.ledgers import open_ledger
from host.manifest import Mistakes
from host.node import Node
from host.provision import Identity

HEAD = "name,board,kit,dev_eui,place\n"
GOOD = "lamp-1,rpi-pico-rfm95,classroom,70B3D57ED0001234,\n"


def written(tmp_path, text, name="street.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(path):
    with pytest.raises(Mistakes) as caught:
        manifest.read(path)
    return [(each.line, each.problem) for each in caught.value.mistakes]


def test_rows_of_csv_as_spreadsheets_write_it_and_of_toml_are_the_same(tmp_path):
    line = 'lamp-1;rpi-pico-rfm95;classroom;70:b3:d5:7e:d0:00:12:34;"Gasse 3\nHof"\r\n'
    head = HEAD.replace(",", ";").replace("\n", "\r\n")
    of_csv = manifest.read(written(tmp_path, "\ufeff" + head + line + ";;;;\r\n"))
    toml = (
        '# a street\n[[node]]\nname = "lamp-1"\nboard = "rpi-pico-rfm95"\nkit = "classroom"\n'
        'dev_eui = "70b3d57ed0001234"\nplace = "Gasse 3\\nHof"\n'
    )
    of_toml = manifest.read(written(tmp_path, toml, "street.toml"))
    (row,) = of_csv
    assert row.board is boards()["rpi-pico-rfm95"] and row.kit is kits()["classroom"]
    assert row.dev_eui == bytes.fromhex("70B3D57ED0001234")
    assert (row.place, row.port, row.line) == ("Gasse 3 Hof", None, 2)
    assert of_toml == [row]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Name;Board;KIT;;\r\nlamp  1;rpi-pico-rfm95;classroom;;\r\n;;;;\r\n", "a.csv"),
        ("name\tboard\tkit\nlamp\u00a01\trpi-pico-rfm95 \tclassroom\n", "a.csv"),
        ('[[node]]\nname = "lamp 1"\nboard = "rpi-pico-rfm95"\nkit = "classroom"\n', "A.TOML"),
    ],
    ids=["emptied columns and capitals", "tabs", "TOML"],
)
def test_what_spreadsheets_and_people_do_to_a_file_does_not_matter(tmp_path, text, name):
    (row,) = manifest.read(written(tmp_path, text, name))
    assert (row.name, row.board.name, row.kit.name) == ("lamp 1", "rpi-pico-rfm95", "classroom")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("lamp-2,pico,classroom,,\n", "unknown board 'pico'"),
        ("lamp-2,rpi-pico-rfm95,class,,\n", "unknown kit 'class'"),
        (",rpi-pico-rfm95,classroom,,\n", "'name' is missing"),
        ("lamp-2,rpi-pico-rfm95\n", "'kit' is missing"),
        ("lamp-2,rpi-pico-rfm95,classroom,70B3D5,\n", "'dev_eui' is no EUI"),
        ("lamp-2,rpi-pico-rfm95,classroom,0000000000000000,\n", "'dev_eui' is no EUI"),
        ("lamp-2,rpi-pico-rfm95,classroom,,Gasse 3, Hof\n", "more than 5 cells"),
        ("lamp-1,rpi-pico-rfm95,classroom,,\n", "the name of line 2 once more"),
        (f"{101 * 'x'},rpi-pico-rfm95,classroom,,\n", "'name': 101 letters, 100 are the most"),
        (GOOD.replace("lamp-1", "lamp-2"), "the DevEUI of line 2 once more"),
        ('lamp-2,"rpi"x,classroom,,\n', "no CSV: ',' expected after '\"'"),
    ],
)
def test_each_mistake_has_its_line(tmp_path, line, problem):
    assert mistakes(written(tmp_path, HEAD + GOOD + line)) == [(3, problem)]


def test_a_region_is_one_that_the_firmware_knows(tmp_path):
    head = HEAD.replace("place", "region")
    rows = [
        f"lamp-{n},rpi-pico-rfm95,classroom,,{name}\n"
        for n, name in enumerate(("AS923-2", "EU869"))
    ]
    path = written(tmp_path, head + "".join(rows))
    with pytest.raises(Mistakes) as caught:
        manifest.read(path)
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.problem) == (3, "unknown region 'EU869'")
    assert "EU868, AS923-1" in mistake.next_step
    toml = '[[node]]\nname = "a"\nboard = "rpi-pico-rfm95"\nkit = "classroom"\nregion = "eu868"\n'
    assert mistakes(written(tmp_path, toml, "a.toml")) == [(1, "unknown region 'eu868'")]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path):
    text = HEAD + "a,x,classroom,,\n" + GOOD + "\n" + GOOD + "b,rpi-pico-rfm95,y,12,\n"
    assert mistakes(written(tmp_path, text)) == [
        (2, "unknown board 'x'"),
        (5, "the name of line 3 once more"),
        (5, "the DevEUI of line 3 once more"),
        (6, "unknown kit 'y'"),
        (6, "'dev_eui' is no EUI"),
    ]


@pytest.mark.parametrize(
    ("text", "name", "line", "problem"),
    [
        ("name,board,kit,colour\n", "a.csv", 1, "unknown or double column 'colour'"),
        ("name,board\n", "a.csv", 1, "the column 'kit' is missing"),
        (HEAD, "a.csv", 1, "no node is in it"),
        (HEAD.encode() + b"caf\xe9,,,,\n", "a.csv", 2, "not UTF-8"),
        ("\n[[nodes]]\n", "a.toml", 2, "unknown key 'nodes'"),
        ('[[node]]\nname = "a"\nboard = 7\n', "a.toml", 1, "'board' is no text"),
        ('x = "y"\n\n[node]\n', "a.toml", 3, "'node' is no list"),
        ('[[node]]\n\nage = "3"\n', "a.toml", 3, "unknown key 'age'"),
    ],
)
def test_a_file_that_is_no_manifest_says_where(tmp_path, text, name, line, problem):
    assert (line, problem) in mistakes(written(tmp_path, text, name))


def test_broken_toml_has_the_line_too(tmp_path):
    ((line, problem),) = mistakes(written(tmp_path, '[[node]]\nname = "a\n', "a.toml"))
    assert line == 2 and "at line 2" in problem


@pytest.mark.parametrize(
    ("name", "dev_eui", "kit", "region", "state", "problem"),
    [
        ("lamp-1", "02" * 8, "classroom", "EU868", "new", "with DevEUI 0202"),
        ("lamp-1", "70B3D57ED0001234", "bin", "EU868", "written", "as bin on"),
        ("lamp-1", "70B3D57ED0001234", "classroom", "US915", "written", "for region US915"),
        ("lamp-1", "70B3D57ED0001234", "classroom", "EU868", "written", "with JoinEUI 0000"),
        ("the other", "70B3D57ED0001234", "bin", "EU868", "new", "belongs to 'the other' in the"),
    ],
)
def test_a_row_that_the_ledger_knows_otherwise_is_a_mistake(
    tmp_path, name, dev_eui, kit, region, state, problem
):
    path = written(tmp_path, HEAD + GOOD)
    wanted = (bytes.fromhex("70B3D57ED0000001"), "EU868")
    identity = Identity(name, bytes.fromhex(dev_eui), bytes(8), bytes(range(16)))
    with open_ledger(tmp_path / "ledger", plain_keys=True) as ledger:
        rows = manifest.read(path)
        manifest.check_ledger(path, rows, ledger, *wanted)
        ledger.add(replace(Node(identity, "rpi-pico-rfm95", kit, region), state=state))
        with pytest.raises(Mistakes, match=rf"street\.csv, line 2: .*{problem}") as told:
            manifest.check_ledger(path, rows, ledger, *wanted)
    assert told.value.next_step.endswith(f"node071 retire {shlex.quote(name)}")


def test_the_command_writes_nothing_when_a_line_is_wrong(tmp_path):
    path = written(tmp_path, HEAD + GOOD + "a,x,classroom,,\nb,rpi-pico-rfm95,clasroom,,\n")
    words = ["provision", "--manifest", str(path), "--ledger", str(tmp_path / "ledger")]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.splitlines() == [
        "error: street.csv, line 3: unknown board 'x'; node071 boards lists them",
        "error: street.csv, line 4: unknown kit 'clasroom'; did you mean classroom? "
        "node071 kits lists them",
    ]
    found = json.loads(CliRunner().invoke(cli, [*words, "--json"]).stdout)
    assert [each["line"] for each in found["mistakes"]] == [3, 4]
    assert [each.name for each in tmp_path.iterdir()] == ["street.csv"]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--manifest", "street.csv", "--board", "x"], "--board is for one node"),
        (["--manifest", "street.csv", "--new-keys"], "--new-keys is for one node"),
        (["--kit", "x"], "missing option '--board'"),
        (["--board", "x"], "missing option '--kit'"),
        (["--board", "x", "--kit", "x", "--port", "a", "--port", "b"], "several ports are for"),
    ],
)
def test_wrong_use_is_said_before_anything_is_looked_at(tmp_path, words, cause):
    path = written(tmp_path, HEAD + GOOD)
    words = [str(path) if word == path.name else word for word in words]
    result = CliRunner().invoke(cli, ["provision", *words])
    assert result.exit_code == 2 and result.stderr.startswith(f"error: {cause}")
