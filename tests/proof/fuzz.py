# SPDX-License-Identifier: MIT
"""Random and mutated bytes at every door of the firmware, judged by the host's own codecs.

`python tests/proof/fuzz.py [CASES]` runs so many in all; the suite runs 5,000 of a fixed seed.
"""

import json
import os
import struct
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cbor2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host import files, maccommands
from host.lorawan import (
    JoinAccept,
    LorawanError,
    MType,
    Session,
    data_mic,
    next_counter,
    open_join_accept,
    parse,
    parse_data,
)
from simulator.chips.scd4x import crc8

TESTS = Path(__file__).resolve().parent.parent
# the session and the join of tests/firmware/network.py and of fuzz_board.py
SESSION = Session(
    0x26011234,
    bytes.fromhex("5f6c23a9e2f1c42c95071c9e25e4fdda"),
    bytes.fromhex("7fa12f967446215d0ee7a04aab699aa0"),
)
APP_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
LAST_F_CNT, LAST_JOIN_NONCE, DEV_NONCE = 5, 3, 7
# where each region's devices may send and listen, MHz (RP002-1.0.4)
BANDS_MHZ = {
    "EU868": (863, 870),
    "US915": (902, 928),
    "AU915": (915, 928),
    "AS923-1": (915, 928),
    "IN865": (865, 867),
}


class Board:
    """A unix-port process that lives as long as the run."""

    def __init__(self):
        firmware = os.environ.get("NODE071_FIRMWARE", TESTS.parent / "firmware")
        search = f"{TESTS / 'proof'}:{TESTS / 'firmware'}:{firmware}:.frozen"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "micropython_unix", "-X", "heapsize=300k",
             str(TESTS / "proof" / "fuzz_board.py")],
            env=os.environ | {"MICROPYPATH": search},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.cases = Counter()
        self.outcomes = Counter()

    def ask(self, kind, data):
        """Run one case; the answer must not be an exception."""
        self._process.stdin.write(f"{kind} {data.hex()}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the board ended at {kind} {data.hex()}"
        answer = json.loads(line)
        assert "raised" not in answer, (kind, data.hex(), answer)
        self.cases[kind] += 1
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


def mangled(data, cuts):
    """Bytes with a few of them changed, lost or doubled: (place, what, value) each."""
    data = bytearray(data)
    for place, what, value in cuts:
        at = place % (len(data) + 1)
        if what == 0 and at < len(data):
            data[at] ^= 1 << value % 8
        elif what == 1:
            del data[at:]
        elif what == 2:
            data[at:at] = bytes((value,))
        elif what == 3 and at < len(data):
            data[at] = value
    return bytes(data)


cuts = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3), st.integers(0, 255)), max_size=3)
noise = st.binary(max_size=64)


@st.composite
def downlinks(draw):
    """A downlink that may be right, or wrong in one of many ways: before or behind its MIC."""
    if draw(st.integers(0, 9)) == 0:
        return draw(noise)
    dev_addr = SESSION.dev_addr
    if draw(st.integers(0, 5)) == 0:
        dev_addr = draw(st.integers(0, 0xFFFFFFFF))
    f_cnt = draw(st.sampled_from([6, 7, 5, 4, 0, 0x10005, 0x10006, 300]))
    f_opts = draw(st.binary(max_size=15))
    f_ctrl = draw(st.sampled_from([0, 0x20, 0x10, 0xB0])) | len(f_opts)
    message = bytes((draw(st.sampled_from([0x60, 0x60, 0x60, 0xA0, 0x40, 0x61, 0x80])),))
    message += struct.pack("<IBH", dev_addr, f_ctrl, f_cnt & 0xFFFF) + f_opts
    if draw(st.booleans()):
        message += bytes((draw(st.sampled_from([0, 1, 2, 3, 223, 224, 225, 255])),))
        message += draw(st.binary(max_size=40))
    message = mangled(message, draw(st.one_of(st.just([]), cuts)))
    mic = data_mic(SESSION.nwk_skey, message, SESSION.dev_addr, f_cnt, True)
    return mangled(message + mic, draw(st.one_of(st.just([]), st.just([]), cuts)))


def downlink_counter(phy):
    """What the specification makes of it: the new FCntDown, None for a frame that is dropped."""
    try:
        frame = parse_data(phy)
    except LorawanError:
        return None
    if not frame.downlink or frame.dev_addr != SESSION.dev_addr:
        return None
    f_cnt = next_counter(LAST_F_CNT, frame.f_cnt)
    return f_cnt if SESSION.mic_ok(phy, frame, f_cnt) else None


def check_downlink(board, phy):
    answer, expected = board.ask("downlink", phy), downlink_counter(phy)
    board.outcomes["downlink taken" if answer["heard"] else "downlink dropped"] += 1
    assert answer["heard"] == answer["done"] == (expected is not None), phy.hex()
    assert answer["f_cnt"] == (LAST_F_CNT if expected is None else expected), phy.hex()
    assert answer["heard"] or not answer["changed"], phy.hex()


@st.composite
def accepts(draw):
    if draw(st.integers(0, 9)) == 0:
        return draw(noise)
    accept = JoinAccept(
        draw(st.sampled_from([4, 5, 3, 0, 0xFFFFFF])),
        draw(st.integers(0, 0xFFFFFF)),
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(st.integers(0, 255)),
        draw(st.integers(0, 255)),
        draw(st.one_of(st.just(b""), st.binary(min_size=16, max_size=16))),
    )
    key = APP_KEY if draw(st.integers(0, 5)) else draw(st.binary(min_size=16, max_size=16))
    return mangled(accept.build(key), draw(st.one_of(st.just([]), cuts)))


def check_accept(board, phy):
    answer = board.ask("join-accept", phy)
    try:
        accept = open_join_accept(phy, APP_KEY)
    except LorawanError:
        accept = None
    good = (
        accept is not None
        and accept.join_nonce > LAST_JOIN_NONCE
        and accept.rx1_dr_offset <= 5
        and accept.rx2_data_rate <= 6
    )
    board.outcomes["join taken" if good else "join dropped"] += 1
    assert answer["joined"] == good, phy.hex()
    if good:
        session = accept.session(APP_KEY, DEV_NONCE)
        assert answer["dev_addr"] == session.dev_addr
        assert answer["nwk_skey"] == session.nwk_skey.hex()
        assert answer["app_skey"] == session.app_skey.hex()


@st.composite
def streams(draw):
    """Requests of the network, whole ones with any numbers, then anything at all."""
    lengths = {0x02: 2, 0x03: 4, 0x04: 1, 0x05: 4, 0x06: 0, 0x07: 5, 0x08: 1, 0x09: 1, 0x0A: 4,
               0x0D: 5}  # fmt: skip
    stream = b""
    for cid in draw(st.lists(st.sampled_from(sorted(lengths)), max_size=6)):
        stream += bytes((cid,)) + draw(st.binary(min_size=lengths[cid], max_size=lengths[cid]))
    stream = mangled(stream, draw(st.one_of(st.just([]), cuts)))
    return bytes((draw(st.integers(0, 4)), draw(st.integers(0, 1)))) + stream


def check_commands(board, data):
    answer = board.ask("commands", data)
    low_mhz, high_mhz = BANDS_MHZ[answer["region"]]
    for number, (phy, freq_hz, sf, bw_hz, longest, listen) in enumerate(answer["sent"], 1):
        phy = bytes.fromhex(phy)
        frame = parse(phy)
        assert SESSION.mic_ok(phy, frame, number) and frame.m_type == MType.UNCONFIRMED_UP
        assert len(phy) <= longest
        read, rest = maccommands.parse(frame.f_opts, downlink=False)
        assert rest is None, frame.f_opts.hex()
        assert {each.name for each in read} <= ANSWERS
        board.outcomes.update(f"answered {each.name}" for each in read)
        assert low_mhz * 1_000_000 <= freq_hz <= high_mhz * 1_000_000
        assert low_mhz * 1_000_000 <= listen[1] <= high_mhz * 1_000_000
        assert 1000 <= listen[0] <= 15000
        assert 7 <= sf <= 12 and bw_hz in (125000, 250000, 500000)


ANSWERS = {"LinkADRAns", "DutyCycleAns", "RXParamSetupAns", "DevStatusAns", "NewChannelAns",
           "RXTimingSetupAns", "TXParamSetupAns", "DlChannelAns"}  # fmt: skip

plain = st.one_of(
    st.none(), st.booleans(), st.integers(-70000, 70000), st.integers(), st.floats(),
    st.text(max_size=5), st.binary(max_size=5), st.lists(st.integers(-5, 50000), max_size=4),
)  # fmt: skip
near = {0: (0, 65535), 1: (60, 86400), 2: (1, 1), 3: (1, 1), 5: (400, 2000), 7: (0, 3000),
        8: (0, 200), 9: (0, 1), 10: (1, 86400), 12: (1, 168)}  # fmt: skip
likely = st.one_of(
    *(st.tuples(st.just(key), st.integers(low, high)) for key, (low, high) in near.items()),
    st.tuples(st.just(11), st.lists(st.integers(400, 40000), min_size=2, max_size=2)),
    st.tuples(st.integers(-2, 15), plain),
)


@st.composite
def commands_down(draw):
    if draw(st.integers(0, 9)) == 0:
        return draw(noise)
    command = dict(draw(st.lists(likely, max_size=5)))
    return mangled(cbor2.dumps(command), draw(st.one_of(st.just([]), cuts)))


def check_settings(board, payload):
    answer = board.ask("settings", payload)
    before, after = dict(answer["before"]), dict(answer["after"])
    assert answer["stored"] == answer["after"]  # all of it is in flash, or none
    if answer["answer"] is None:
        board.outcomes["settings ignored"] += 1
        assert after == before and not answer["actions"]
        return
    said = cbor2.loads(bytes.fromhex(answer["answer"]))
    board.outcomes[f"settings answered {said[1]}"] += 1
    if said[1] not in (0, 4):
        assert after == before and not answer["actions"]
        return
    asked = cbor2.loads(payload)
    rows = {row[0]: row for row in files.readings().SETTINGS}
    for key, value in asked.items():
        assert key in rows
        if key in after and not isinstance(value, list):
            assert after[key] == value and rows[key][3] <= value <= rows[key][4]
        assert key not in (2, 3, 5) or key in answer["actions"]


def check_cbor(board, data):
    answer = board.ask("cbor", data)["value"]
    board.outcomes["cbor read" if answer else "cbor refused"] += 1
    if answer is not None:
        # MicroPython's UTF-8 check lets overlong forms pass, as C0 80: such text is kept as it came
        value = cbor2.loads(data, str_errors="replace")
        assert cbor2.loads(bytes.fromhex(answer), str_errors="replace") == value


@st.composite
def items(draw):
    value = draw(
        st.recursive(
            plain,
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.integers(-30, 300) | st.text(max_size=3), inner, max_size=3),
            ),
            max_leaves=6,
        )
    )
    return mangled(cbor2.dumps(value, canonical=True), draw(st.one_of(st.just([]), cuts)))


@st.composite
def replies(draw):
    """What a sensor sends: words with their checksums, some of them spoilt."""
    data = b""
    for word in draw(st.lists(st.binary(min_size=2, max_size=2), min_size=2, max_size=3)):
        data += word + bytes((crc8(word),))
    at, bit = draw(st.integers(0, 40)), draw(st.integers(0, 7))
    if at < len(data):
        data = data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]
    return data


def check_sensor(board, reply):
    values = board.ask("sensor", reply)["values"]
    words = [reply[at : at + 3] for at in range(0, len(reply), 3)]
    whole = all(crc8(each[:2]) == each[2] for each in words)
    numbers = [int.from_bytes(each[:2], "big") for each in words]
    co2, climate = (numbers[0], numbers[1:]) if len(words) == 3 else (None, numbers)
    good = whole and (co2 is None or 0 < co2 < 40000)
    board.outcomes["reply read" if good else "reply refused"] += 1
    assert (values is not None) == good, reply.hex()
    if good:
        temperature_dc, humidity_pct = values[-2:]
        assert abs(temperature_dc / 10 - (-45 + 175 * climate[0] / 65535)) <= 0.0501
        share = 100 * climate[1] / 65535 if co2 is not None else -6 + 125 * climate[1] / 65535
        assert abs(humidity_pct - min(max(share, 0), 100)) <= 0.501
        assert co2 is None or values[0] == co2


KINDS = {
    "downlink": (downlinks(), check_downlink),
    "join-accept": (accepts(), check_accept),
    "commands": (streams(), check_commands),
    "settings": (commands_down(), check_settings),
    "cbor": (st.one_of(items(), noise), check_cbor),
    "sensor": (replies(), check_sensor),
}


def run(kind, cases, derandomize):
    """Run so many cases of one kind and return the board's counts. AssertionError: a defect."""
    board = Board()
    strategy, check = KINDS[kind]

    @settings(
        max_examples=cases,
        derandomize=derandomize,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def judge(data):
        check(board, data)

    try:
        judge()
    finally:
        board.close()
    return board


def fuzz(kind, cases):
    """One kind, in a process of its own: how many cases, and what became of them."""
    board = run(kind, cases, derandomize=False)
    return board.cases[kind], board.outcomes


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    began_s, total = time.monotonic(), 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(fuzz, KINDS, [-(-cases // len(KINDS))] * len(KINDS))
        for kind, (count, outcomes) in zip(KINDS, found, strict=True):
            total += count
            words = ", ".join(f"{many} {name}" for name, many in sorted(outcomes.items()))
            print(f"{kind:12} {count:7} cases: {words}", flush=True)
    print(f"{total} cases in {time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    main()
