# SPDX-License-Identifier: MIT
"""The codec in the engines of both networks: QuickJS (ChirpStack) and Duktape, of ES5."""

import json
import random
from pathlib import Path

import cbor2
import dukpy
import pytest
import quickjs
from click.testing import CliRunner

from host import codec
from host.cli import cli
from host.decode import decode_payload
from host.errors import HostError

ROOT = Path(__file__).parents[2]
VECTORS = json.loads(ROOT.joinpath("tests/vectors/readings.json").read_text())
SOURCE = codec.javascript()
PORTS = {"readings": 1, "answers": 2, "status": 3}
FRAMES = 10_000
# true, null, simple values, floats; some end too early or are no CBOR
SIMPLE = ("f4", "f5", "f6", "f6", "f6", "f7", "e5", "f8ff", "f817", "f97e00", "f93c", "fc", "ff")


class QuickJs:
    """Calls functions of the codec; one context for all of them."""

    def __init__(self):
        self._context = quickjs.Context()
        self._context.eval(SOURCE)

    def evaluate(self, code):
        return json.loads(self._context.eval(f"JSON.stringify({code})"))


class Duktape:
    def __init__(self):
        self._interpreter = dukpy.JSInterpreter()
        # a runner of scripts counts statements: what it returns is the value of the last one
        self._interpreter.evaljs(SOURCE + "\nnull;")
        assert self._interpreter.evaljs("typeof Duktape") == "object"

    def evaluate(self, code):
        return self._interpreter.evaljs(code)


@pytest.fixture(scope="module", params=[QuickJs, Duktape], ids=["quickjs", "duktape"])
def engine(request):
    return request.param()


def calls(engine, function, inputs):
    return engine.evaluate(
        f"{json.dumps(inputs)}.map(function (one) {{ return {function}(one); }})"
    )


def call(engine, function, **given):
    return calls(engine, function, [given])[0]


def frame(payload, f_port):
    return {"bytes": list(payload), "fPort": f_port}


def said(result):
    """What the codec gave, its warnings in no order; None when it refused the frame."""
    if "errors" in result:
        assert set(result) == {"errors"} and all(map(str.strip, result["errors"]))
        return None
    return result | {"warnings": sorted(result.get("warnings", []))}


def expected(payload, f_port, downlink=False):
    """The same from the Python decoder."""
    try:
        decoded = decode_payload(payload, f_port, downlink)
    except HostError:
        return None
    if downlink:
        found = codec.uplink_output({"readings": [], "unknown": decoded["unknown"]})
        return said(found | {"data": decoded["settings"]})
    return said(codec.uplink_output(decoded))


@pytest.mark.parametrize("kind", PORTS)
def test_every_golden_vector_up(engine, kind):
    rows = [(bytes.fromhex(row["payload"]), row["decoded"]) for row in VECTORS[kind]]
    found = calls(engine, "decodeUplink", [frame(payload, PORTS[kind]) for payload, _ in rows])
    assert len(found) == len(rows) > 3
    for result, (payload, decoded) in zip(found, rows, strict=True):
        data = result["data"]
        assert said(result) == expected(payload, PORTS[kind])
        if kind == "readings":
            assert [data, *data.pop("older")] == decoded["readings"]
        elif kind == "answers":
            assert data == {"answer": decoded["answer"]}
        else:
            assert data == {"status": decoded["status"]}
        assert len(result.get("warnings", [])) == len(decoded["unknown"])


def test_every_golden_vector_down_and_back(engine):
    for row in VECTORS["settings"]:
        payload, settings = bytes.fromhex(row["payload"]), row["decoded"]["settings"]
        result = call(engine, "decodeDownlink", **frame(payload, 2))
        assert result["data"] == settings
        assert len(result.get("warnings", [])) == len(row["decoded"]["unknown"])
        if not row["decoded"]["unknown"]:
            assert call(engine, "encodeDownlink", data=settings) == frame(payload, 2)


def test_the_examples_give_what_they_say(engine):
    examples = engine.evaluate("examples")
    kinds = {"uplink": "decodeUplink"}
    kinds |= {"downlink-encode": "encodeDownlink", "downlink-decode": "decodeDownlink"}
    assert {each["type"] for each in examples} == set(kinds)
    for each in examples:
        assert set(each) == {"type", "description", "input", "output"}
        assert call(engine, kinds[each["type"]], **each["input"]) == each["output"]


def random_item(chance, depth=0):
    """The bytes of an item, right or nearly so; more often what a node sends."""
    kind = chance.randrange(17 if depth < 3 else 10)
    if kind < 6:
        return cbor2.dumps(
            chance.choice([chance.randrange(-30, 70), chance.randrange(-(1 << 40), 1 << 40)])
        )
    if kind == 6:
        return cbor2.dumps(chance.choice(["", "0.1.0", "é€😀", b"", b"\xab\xcd"]))
    if kind == 7:
        return bytes.fromhex(chance.choice(SIMPLE))
    if kind == 8:
        return cbor2.dumps(chance.choice((-(1 << 60), (1 << 53) - 1, 1 << 53, 1 << 63)))
    if kind == 9:
        head = chance.choice((0x18, 0x19, 0x1A, 0x1B, 0x38, 0x39, 0x3A, 0x3B, 0x40, 0x61, 0x5F))
        return bytes([head]) + chance.randbytes(chance.randrange(9))
    if kind < 12:
        items = [random_item(chance, depth + 1) for _ in range(chance.randrange(4))]
        return bytes([0x80 + len(items)]) + b"".join(items)
    if kind < 14:
        return bytes([chance.choice([0xC0, 0xC1, 0xC2, 0xC4, 0xC5, 0xCF])]) + random_item(
            chance, depth + 1
        )
    return random_map(chance, depth + 1)


def random_map(chance, depth=0):
    count = chance.randrange(5)
    pairs = []
    keys = chance.sample([*range(-6, 16), 20, 64, 99], count)
    for key in map(cbor2.dumps, chance.choice((keys, keys, keys, keys[:1] * count))):
        key = random_item(chance, 9) if depth == 0 and chance.random() < 0.02 else key
        value = cbor2.dumps(chance.randrange(-3, 900))
        pairs.append(key + (random_item(chance, depth) if chance.random() < 0.2 else value))
    return bytes([0xA0 + count]) + b"".join(pairs)


def random_payload(chance):
    kind = chance.randrange(10)
    if kind < 1:
        return chance.randbytes(chance.randrange(24))
    if kind < 4:  # a golden one, a byte changed
        rows = VECTORS[chance.choice(["readings", "settings", "answers", "status"])]
        payload = bytearray.fromhex(chance.choice(rows)["payload"])
        payload[chance.randrange(len(payload))] = chance.randrange(256)
        return bytes(payload[: chance.randrange(1, 60)])
    return b"".join(random_map(chance) for _ in range(chance.choice((1, 1, 1, 2))))


def test_random_frames_say_the_same_as_in_python(engine):
    """None throws, all agree with host/decode.py: what was read, and what was refused."""
    chance = random.Random(71)
    frames = [(random_payload(chance), chance.choice((1, 1, 1, 2, 3, 3))) for _ in range(FRAMES)]
    up = calls(engine, "decodeUplink", [frame(*each) for each in frames])
    down = calls(engine, "decodeDownlink", [frame(payload, 2) for payload, _ in frames])
    read = 0
    for (payload, f_port), result, settings in zip(frames, up, down, strict=True):
        assert said(result) == expected(payload, f_port), (payload.hex(), f_port)
        assert said(settings) == expected(payload, 2, downlink=True), payload.hex()
        read += "data" in result
    assert FRAMES // 4 < read < FRAMES * 3 // 4


@pytest.mark.parametrize(
    "given",
    [
        "",
        "null",
        "7",
        "{}",
        "{fPort: 1}",
        "{fPort: 1, bytes: null}",
        "{fPort: 1, bytes: []}",
        "{fPort: 1, bytes: 'a10101'}",
        "{fPort: 1, bytes: [161, 1, 256]}",
        "{fPort: 1, bytes: [161, 1, 1.5]}",
        "{fPort: 1, bytes: [161, 1, -1]}",
        "{fPort: 1, bytes: [161, 1, '5']}",
        "{fPort: 1, bytes: [161, 1]}",
        "{fPort: 1, bytes: [161, 24, 64, 97, 255]}",
        "{fPort: '1', bytes: [161, 1, 1]}",
        "{fPort: 0, bytes: [161, 1, 1]}",
        "{bytes: [161, 1, 1]}",
        "{fPort: 1, bytes: [161, 24, 64, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}",
        "{fPort: 1, bytes: [161, 24, 64, 95, 65, 0, 255]}",
        "{fPort: 2, bytes: [160, 160]}",
    ],
)
def test_garbage_gives_errors(engine, given):
    for function in ("decodeUplink", "decodeDownlink"):
        result = engine.evaluate(f"{function}({given})")
        assert said(result) is None, result


def test_a_frame_that_is_longer_than_any_is_not_read(engine):
    """Nested as deep as this it would need a deep stack, which is not everywhere."""
    result = call(engine, "decodeUplink", **frame(b"\x81" * 256, 1))
    assert result == {"errors": ["256 bytes are no LoRaWAN payload"]}
    nested = b"\xa1\x18\x40" + b"\x81" * 251 + b"\x00"
    assert said(call(engine, "decodeUplink", **frame(nested, 1))) == expected(nested, 1)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        ("{}", "no settings; there are sequence, interval, restart"),
        ("null", "no settings"),
        ("{intervall: 900}", "no setting intervall; there are sequence, interval"),
        ("{interval: 59}", "interval is 59; give 60 to 86400 s"),
        ("{interval: 86401}", "interval is 86401; give 60 to 86400 s"),
        ("{interval: 'soon'}", "interval needs a number"),
        ("{interval: '900'}", "interval needs a number"),
        ("{interval: null}", "interval needs a number"),
        ("{interval: NaN}", "interval needs a number"),
        ("{interval: 900.5}", "interval needs a number in steps of 1"),
        ("{temperature_offset: 2.55}", "temperature_offset needs a number in steps of 0.1"),
        ("{temperature_offset: 20.1}", "temperature_offset is 20.1; give 0 to 20 degC"),
        ("{restart: 1}", "restart needs a sequence"),
        ("{status: true}", "status needs a sequence"),
        ("{calibrate_co2: 420}", "calibrate_co2 needs a sequence"),
        ("{restart: 2, sequence: 1}", "restart is 2; give 1"),
        ("{marks: [1, 2]}", "marks needs [empty, full, level]"),
        ("{marks: 5}", "marks needs [empty, full, level]"),
        ("{marks: [300, 2000, null]}", "marks: the floor of an empty bin"),
        ("{light: [null, 1200]}", "light, orange needs a number"),
        ("{light: [1200, 800]}", "light: red is not under orange"),
        ("{light: [399, 1200]}", "light, orange is 399; give 400 to 40000 ppm"),
    ],
)
def test_settings_that_no_node_takes_are_refused(engine, data, cause):
    result = engine.evaluate(f"encodeDownlink({{data: {data}}})")
    assert set(result) == {"errors"}
    assert result["errors"][0].startswith(cause)


def test_yes_is_one(engine):
    result = call(engine, "encodeDownlink", data={"sequence": 9, "restart": True})
    assert bytes(result["bytes"]) == cbor2.dumps({0: 9, 2: 1})


def test_a_warning_comes_once(engine):
    payload = cbor2.dumps({1: 3, 64: 5}) + cbor2.dumps({0: 600, 64: 6})
    result = call(engine, "decodeUplink", **frame(payload, 1))
    assert result["warnings"] == ["key 64 is unknown: is this codec older than the node?"]


def test_the_networks_take_its_size():
    assert len(SOURCE.encode()) < 40_000  # TTS: formatter of 40 KB at most


def test_the_command_prints_it():
    done = CliRunner().invoke(cli, ["codec"])
    assert done.exit_code == 0 and done.stdout == SOURCE
    assert json.loads(CliRunner().invoke(cli, ["codec", "--json"]).stdout) == {"javascript": SOURCE}
