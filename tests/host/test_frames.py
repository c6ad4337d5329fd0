# SPDX-License-Identifier: MIT
"""The documents of the bytes on the air: fresh, whole, and true for three decoders."""

import json
import re
from io import BytesIO
from pathlib import Path

import cbor2
import pytest
from cddl_verifier import Validator

from host import files, frames
from host.decode import decode_payload

ROOT = Path(__file__).parents[2]
VECTORS = json.loads(ROOT.joinpath("tests/vectors/readings.json").read_text())
CDDL = Validator(ROOT.joinpath("docs/frames.cddl").read_text())
PAGE = ROOT.joinpath("docs/frames.md").read_text()
PORTS = {"readings": (1, False), "settings": (2, True), "answers": (2, False), "status": (3, False)}
RULES = {"answers": "answer"}  # named unlike their list of vectors
ROWS = [(kind, row) for kind in PORTS for row in VECTORS[kind]]


def rows(*kinds):
    chosen = [(kind, row) for kind, row in ROWS if kind in (kinds or PORTS)]
    ids = [f"{kind}: {row['name']}" for kind, row in chosen]
    return pytest.mark.parametrize(("kind", "row"), chosen, ids=ids)


def sequence(payload):
    stream, found = BytesIO(payload), []
    while stream.tell() < len(payload):
        found.append(cbor2.load(stream))
    return found


def from_json(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def complaints(kind, payload):
    """What the CDDL says of a payload; a sequence goes in as the byte string that holds it."""
    whole = cbor2.dumps(payload) if kind == "readings" else payload
    return [each.message for each in CDDL.validate(whole, RULES.get(kind, kind)).diagnostics]


@pytest.mark.parametrize(
    "path",
    [
        "docs/frames.md",
        "docs/leds.md",
        "docs/frames.cddl",
        "docs/codec.js",
        "tests/vectors/readings.json",
    ],
)
def test_a_document_is_fresh(path):
    assert frames.documents()[path] == ROOT.joinpath(path).read_text(), "run `make docs`"


def test_the_pages_have_every_table():
    pages = PAGE + ROOT.joinpath("docs/leds.md").read_text()
    assert set(re.findall(r"<!-- table: (\w+) -->\n\|", pages)) == set(frames.TABLES)


def test_the_firmware_blinks_the_codes_of_the_table():
    source = ROOT.joinpath("firmware/led.py").read_text()
    codes = {
        name.lower().replace("_", " "): int(code)
        for name, code in re.findall(r"^([A-Z]\w+) = const\((\d+)\)", source, re.M)
    }
    assert codes == {name: code for code, name, _, _ in files.readings().LEDS}


def test_a_note_belongs_to_a_row():
    tables = files.readings()
    for notes, rows_of in (
        (frames.NOTES, tables.QUANTITIES),
        (frames.SETTING_NOTES, tables.SETTINGS),
        (frames.STATUS_NOTES, tables.STATUS),
        (frames.STATUS_TYPES, tables.STATUS),
    ):
        assert set(notes) <= {row[1] for row in rows_of}


def test_the_vectors_have_every_key_code_and_bit():
    tables, found = files.readings(), {kind: set() for kind in PORTS}
    for kind, row in ROWS:
        found[kind].update((key, json.dumps(value)) for each in row["wire"] for key, value in each)
    for kind, table in (
        ("readings", tables.QUANTITIES),
        ("settings", tables.SETTINGS),
        ("status", tables.STATUS),
    ):
        assert {key for key, _ in found[kind]} >= {row[0] for row in table}
    assert found["answers"] >= {(1, str(code)) for code, _ in tables.SETTING_CODES}
    assert found["readings"] >= {(-2, str(code)) for code, _ in tables.RESTARTS}
    assert found["readings"] >= {(-4, str(1 << bit)) for bit in range(len(tables.FLAGS))}


@rows()
def test_cbor2_reads_the_wire_values(kind, row):
    wire = [{key: from_json(value) for key, value in each} for each in row["wire"]]
    assert sequence(bytes.fromhex(row["payload"])) == wire


@rows()
def test_the_host_decodes(kind, row):
    found = decode_payload(bytes.fromhex(row["payload"]), *PORTS[kind])
    assert found == row["decoded"]
    assert json.dumps(found, sort_keys=True) == json.dumps(row["decoded"], sort_keys=True)


@rows()
def test_the_cddl_allows(kind, row):
    """All but settings that no node knows."""
    refused = complaints(kind, bytes.fromhex(row["payload"]))
    assert bool(refused) == (kind == "settings" and bool(row["decoded"]["unknown"])), refused


def beyond():
    """One value under and one over each range, and text, where a number belongs."""
    tables = files.readings()
    for kind, table in (("readings", tables.QUANTITIES), ("settings", tables.SETTINGS)):
        for key, name, *_, lowest, highest in table:
            parts = len(tables.SETTING_PARTS.get(key, "")) if kind == "settings" else 0
            for value in (lowest - 1, highest + 1, "text"):
                wrong = [*[lowest] * (parts - 1), value] if parts else value
                yield pytest.param(kind, {key: wrong}, id=f"{kind}: {name} {value}")


@pytest.mark.parametrize(("kind", "values"), list(beyond()))
def test_the_cddl_refuses(kind, values):
    assert complaints(kind, cbor2.dumps(values))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("readings", ""),
        ("readings", "a1617801"),
        ("readings", "8101"),
        ("answers", "a10005"),
        ("answers", "a10106"),
        ("status", "a10000"),
        ("status", "a10141ab"),
        ("status", "a10300"),
        ("status", "a10218ff" + "00"),
    ],
)
def test_the_cddl_refuses_other_shapes(kind, payload):
    assert complaints(kind, bytes.fromhex(payload))


def test_the_examples_of_the_page_are_among_the_vectors():
    examples = set(re.findall(r"--payload ([0-9a-f]+)", PAGE))
    assert examples and examples <= {row["payload"] for row in VECTORS["readings"]}
