# SPDX-License-Identifier: MIT
"""Files for networks, parsed back field by field by the rules that the networks publish."""

import contextlib
import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from chirpstack_api import api
from click.testing import CliRunner
from google.protobuf.json_format import ParseDict

from host import export
from host.cli import cli
from host.errors import HostError
from host.ledgers import open_ledger
from host.lorawan import Session
from host.node import Node
from host.provision import Identity

# The Things Stack, pkg/devicetemplates/testdata/all_columns.csv
TTS_COLUMNS = (
    "id;dev_eui;join_eui;name;description;frequency_plan_id;lorawan_version;lorawan_phy_version;"
    "brand_id;model_id;hardware_version;firmware_version;band_id;app_key;nwk_key;rx1_delay;"
    "supports_32_bit_f_cnt;dev_addr;app_s_key;f_nwk_s_int_key;last_f_cnt_up;last_n_f_cnt_down;"
    "last_a_f_cnt_down;supports_class_c;vendor_id;vendor_profile_id"
)
TTS_ID = re.compile(r"^[a-z0-9](?:-?[a-z0-9]){2,35}$")  # identifiers.proto, device_id
ATTRIBUTE = re.compile(r"^[a-z0-9](?:-?[a-z0-9]){2,}$")  # end_device.proto, attributes
EUI, KEY = re.compile("^[0-9A-F]{16}$"), re.compile("^[0-9A-F]{32}$")
NAMES = ("classroom-1", 'Het "Hok"; lokaal 2\nboven', "Łódź 教室", "x" * 120)
APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


def nodes(names=NAMES, **fields):
    found = []
    for number, name in enumerate(names):
        dev_eui = bytes.fromhex("70b3d57ed000") + number.to_bytes(2, "big")
        join_eui = bytes.fromhex("a1b2c3d4e5f60708") if number else bytes(8)
        identity = Identity(name, dev_eui, join_eui, bytes([number]) + APP_KEY[1:])
        row = {"board": "rpi-pico-rfm95", "kit": "classroom", "place": "Breestraat 40"}
        found.append(Node(identity, **row | fields))
    return found


def name_of(node, most):
    return " ".join(node.name.split())[:most]


def parse_tts_csv(text):
    """As ttscsv.go: a header of known columns, no row of another length, no cell that is empty."""
    header, *rows = csv.reader(io.StringIO(text), delimiter=";", strict=True)
    assert set(header) <= set(TTS_COLUMNS.split(";")) and len(set(header)) == len(header)
    assert all(len(row) == len(header) and all(row) for row in rows)
    return [dict(zip(header, row, strict=True)) for row in rows]


def parse_stream(text):
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        found.append(value)
        at = end + len(text[end:]) - len(text[end:].lstrip())
    return found


def test_the_things_stack_csv_field_by_field():
    rows = parse_tts_csv(export.tts_csv(nodes()))
    for row, node in zip(rows, nodes(), strict=True):
        assert TTS_ID.match(row["id"]) and EUI.match(row["dev_eui"]) and KEY.match(row["app_key"])
        assert row == {
            "id": f"eui-{node.dev_eui.hex()}",
            "dev_eui": node.dev_eui.hex().upper(),
            "join_eui": node.identity.join_eui.hex().upper(),
            "name": name_of(node, 50),
            "frequency_plan_id": "EU_863_870_TTN",
            "lorawan_version": "MAC_V1_0_4",
            "lorawan_phy_version": "RP002_V1_0_3",
            "app_key": node.identity.app_key.hex().upper(),
        }


def test_the_header_of_the_csv_is_as_published():
    head = export.tts_csv(nodes()).splitlines()[0]
    columns = "id;dev_eui;join_eui;name;frequency_plan_id;lorawan_version;lorawan_phy_version"
    assert head == f"{columns};app_key"


def test_the_things_stack_json_field_by_field():
    objects = parse_stream(export.tts_json(nodes()))
    for value, node in zip(objects, nodes(), strict=True):
        assert all(map(ATTRIBUTE.match, value["attributes"]))
        assert value == {
            "ids": {
                "device_id": f"eui-{node.dev_eui.hex()}",
                "dev_eui": node.dev_eui.hex().upper(),
                "join_eui": node.identity.join_eui.hex().upper(),
            },
            "name": name_of(node, 50),
            "description": "Node071 classroom on rpi-pico-rfm95, Breestraat 40",
            "attributes": {
                "board": "rpi-pico-rfm95",
                "kit": "classroom",
                "place": "Breestraat 40",
            },
            "lorawan_version": "MAC_V1_0_4",
            "lorawan_phy_version": "RP002_V1_0_3",
            "frequency_plan_id": "EU_863_870_TTN",
            "supports_join": True,
            "supports_class_c": False,
            "root_keys": {"app_key": {"key": node.identity.app_key.hex().upper()}},
        }


def test_chirpstack_takes_the_bodies_of_its_rest_api():
    """Parsed by the messages of ChirpStack's own package, which refuse a field that is unknown."""
    pairs = json.loads(export.chirpstack_json(nodes(), "an application", "a profile"))
    for pair, node in zip(pairs, nodes(), strict=True):
        device = ParseDict({"device": pair.pop("device")}, api.CreateDeviceRequest()).device
        keys = ParseDict(pair, api.CreateDeviceKeysRequest()).device_keys
        assert device == api.Device(
            dev_eui=node.dev_eui.hex(),
            join_eui=node.identity.join_eui.hex(),
            name=name_of(node, 100),
            description="Node071 classroom on rpi-pico-rfm95, Breestraat 40",
            application_id="an application",
            device_profile_id="a profile",
            tags={"board": "rpi-pico-rfm95", "kit": "classroom", "place": "Breestraat 40"},
        )
        # device.proto: "In case of LoRaWAN 1.0.x, this must be set to the AppKey"
        assert keys == api.DeviceKeys(
            dev_eui=node.dev_eui.hex(), nwk_key=node.identity.app_key.hex()
        )


def test_a_table_for_chirpstack():
    rows = list(csv.DictReader(io.StringIO(export.chirpstack_csv(nodes())), strict=True))
    for row, node in zip(rows, nodes(), strict=True):
        assert row["dev_eui"] == node.dev_eui.hex()
        assert row["join_eui"] == node.identity.join_eui.hex()
        assert row["nwk_key"] == node.identity.app_key.hex()
        assert row["name"] == name_of(node, 100) and "classroom" in row["description"]


@pytest.mark.parametrize(
    ("region", "plan"),
    [
        ("EU868", "EU_863_870_TTN"),
        ("US915", "US_902_928_FSB_2"),
        ("AU915", "AU_915_928_FSB_2"),
        ("IN865", "IN_865_867"),
        ("AS923-1", "AS_923"),
        ("AS923-4", "AS_923_4"),
    ],
)
def test_the_plan_of_a_region(region, plan):
    """Ids of lorawan-frequency-plans, frequency-plans.yml."""
    (row,) = parse_tts_csv(export.tts_csv(nodes(["a"], region=region)))
    (value,) = parse_stream(export.tts_json(nodes(["a"], region=region)))
    assert row["frequency_plan_id"] == value["frequency_plan_id"] == plan


def test_a_region_without_a_plan_is_named():
    with pytest.raises(HostError, match="'a': no plan of The Things Stack is known for region KR9"):
        export.tts_csv(nodes(["a"], region="KR920"))


def test_a_node_with_a_session_of_its_own_is_left_out():
    one, two = nodes(["a", "b"])
    session = Session(0x260B1234, APP_KEY, APP_KEY[::-1])
    personalised = replace(two, identity=replace(two.identity, session=session))
    assert export.joining([one, personalised]) == [one]
    assert "left out, as they never join (ABP): b" in export.notes([one, personalised])
    with pytest.raises(HostError, match=r"b cannot be exported: a session of its own \(ABP\)"):
        export.joining([personalised])


@pytest.mark.parametrize("kind", ["tts-csv", "tts-json", "chirpstack --out c.json"])
def test_a_node_with_a_session_of_its_own_is_refused_when_it_is_named(ledger, kind):
    session = Session(0x260B1234, APP_KEY, APP_KEY[::-1])
    with open_ledger(ledger) as opened:
        old = opened.node("classroom-1")
        opened.change(old.dev_eui, replace(old.identity, name="gate", session=session))
    done = run("export", *kind.split(), "gate", "--ledger", ledger)
    assert done.exit_code == 1 and done.stderr.count("\n") == 1 and done.stdout == ""
    assert "error: gate cannot be exported: a session of its own (ABP)" in done.stderr
    assert "node071 devices show gate --show-keys" in done.stderr
    assert not list(Path().glob("*.json")) and not list(Path().glob("*.csv"))
    value = json.loads(run("export", *kind.split(), "gate", "--ledger", ledger, "--json").stdout)
    assert "gate cannot be exported" in value["error"] and "--new-keys" in value["next"]
    others = run("export", *kind.split(), "--ledger", ledger)
    assert others.exit_code == 0 and "left out, as they never join (ABP): gate" in others.stderr


def test_a_file_is_for_its_owner_only(tmp_path):
    path = tmp_path / "nodes.csv"
    path.write_text("of before")
    path.chmod(0o644)
    export.write(path, "id;é\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == "id;é\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def ledger(tmp_path):
    """A ledger, in the directory that is made the current one."""
    path = tmp_path / "nodes.ledger"
    with open_ledger(path, plain_keys=True) as opened:
        for node in nodes():
            opened.add(node)
    with contextlib.chdir(tmp_path):
        yield path


def run(*words, **environment):
    words = [str(word) for word in words]
    return CliRunner().invoke(cli, words, prog_name="node071", env=environment)


@pytest.mark.parametrize(
    ("words", "name", "parse"),
    [
        ("tts-csv", "nodes-tts.csv", parse_tts_csv),
        ("tts-json", "nodes-tts.json", parse_stream),
        ("tts-csv classroom-1", "classroom-1-tts.csv", parse_tts_csv),
        ("tts-json --out other.json", "other.json", parse_stream),
        ("chirpstack --out c.json", "c.json", json.loads),
        ("chirpstack --out c.csv", "c.csv", lambda text: list(csv.DictReader(io.StringIO(text)))),
    ],
)
def test_the_command_writes_a_file_and_warns_once(ledger, tmp_path, words, name, parse):
    done = run("export", *words.split(), "--ledger", ledger)
    assert (done.exit_code, done.stdout) == (0, f"{name}\n"), done.output
    path = tmp_path / name
    assert len(parse(path.read_text())) == (1 if "classroom-1" in words else len(NAMES))
    assert path.stat().st_mode & 0o777 == 0o600
    assert done.stderr.count("holds keys") == 1
    assert done.stderr.count("a JoinEUI of zeros is right for The Things Stack") == 1
    assert not any(node.identity.app_key.hex() in done.output.lower() for node in nodes())


def test_a_node_that_is_named_twice_is_in_it_once_and_a_retired_one_is_told(ledger, tmp_path):
    node = nodes()[0]
    with open_ledger(ledger) as opened:
        opened.retire(node.dev_eui)
    done = run("export", "tts-csv", node.name, node.dev_eui.hex(), "--ledger", ledger)
    (path,) = tmp_path.glob("*-tts.csv")
    assert len(parse_tts_csv(path.read_text())) == 1
    assert f"note: retired, and exported as they are named: {node.name}\n" in done.stderr


def test_the_command_in_json(ledger):
    done = run("export", "tts-csv", "--ledger", ledger, "--json")
    value = json.loads(done.stdout)
    assert value["written"] == "nodes-tts.csv" and len(value["notes"]) == 2
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "status", "cause"),
    [
        ("tts-csv nobody", 1, "no node 'nobody' in the ledger"),
        ("tts-csv --out nowhere/x.csv", 1, "there is no directory nowhere; make it first"),
        ("chirpstack --out x.json --dry-run", 2, "--out writes a file and asks no network"),
        ("chirpstack", 2, "no application of ChirpStack; give --application ID, or set NODE071_"),
        ("chirpstack --application x", 2, "no address of ChirpStack; give --url http://HOST:8080"),
        ("chirpstack --application x --url http://h", 2, "no API token; give --token @FILE"),
        ("chirpstack --application x --url h --token @c", 2, "'h' is no address"),
        ("chirpstack --application x --url http://h --token eyJ0", 2, "give @FILE, or - for"),
        ("chirpstack --application x --url http://h --token @c", 2, "this is no API token"),
        ("chirpstack --application x --url http://h --token @b", 2, "'--token': not text"),
    ],
)
def test_what_cannot_be_is_one_line(ledger, words, status, cause):
    Path("c").write_text("two words\n")
    Path("b").write_bytes(b"\x92\xff")
    done = run("export", *words.split(), "--ledger", ledger)
    assert done.exit_code == status
    assert cause in done.stderr and done.stderr.count("\n") == 1, done.stderr
