# SPDX-License-Identifier: MIT
"""host.decode: units, words, sequences, frames, garbage; parts joined and doubles dropped."""

import json

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host.decode import Counts, Deduplicator, decode_payload, decode_phy
from host.errors import HostError
from host.lorawan import DataFrame, MType, Session

SESSION = Session(
    0x260B1234,
    bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"),
    bytes.fromhex("3c4fcf098815f7aba6d2ae2816157e2b"),
)
KEYS = (SESSION.nwk_skey, SESSION.app_skey)


def test_a_reading_in_natural_units():
    # {1: 612, 2: 213, 3: 45}: the 11 bytes of a classroom below 25.6 degC
    found = decode_payload(bytes.fromhex("a3011902640218d503182d"))
    assert found == {
        "readings": [{"age_s": 0, "co2": 612, "temperature": 21.3, "humidity": 45}],
        "unknown": {},
    }
    assert type(found["readings"][0]["humidity"]) is int


@pytest.mark.parametrize(
    ("wire", "name", "value"),
    [
        ({2: -7}, "temperature", -0.7),
        ({2: 200}, "temperature", 20.0),
        ({6: -35}, "level", -35),
        ({8: 1}, "occupied", 1),
        ({9: 371}, "battery", 3.71),
        ({10: 10132}, "pressure", 1013.2),
        ({13: 1}, "temperature_2", 0.1),
        ({0: 600}, "age_s", 600),
        ({0: None, -3: 7}, "age_s", None),
        ({0: None, -3: 7}, "number", 7),
        ({-1: 0b111}, "faults", ["co2", "temperature", "humidity"]),
        ({-1: 1 << 12 | 1 << 19}, "faults", ["temperature_2", "key 20"]),
        ({-2: 4}, "restart", "link lost"),
        ({-2: 9}, "restart", "code 9"),
        ({-4: 0b10010}, "flags", ["needs airing", "calibration due"]),
        ({-4: 0b100001}, "flags", ["warming", "bit 5"]),
    ],
)
def test_quantities(wire, name, value):
    (reading,) = decode_payload(cbor2.dumps(wire))["readings"]
    assert reading[name] == value
    assert type(reading[name]) is type(value)


def test_a_sequence_keeps_its_order():
    payload = b"".join(cbor2.dumps(each) for each in ({1: 3}, {0: 600, 1: 2}, {0: 1200, 1: 1}))
    found = [(each["age_s"], each["co2"]) for each in decode_payload(payload)["readings"]]
    assert found == [(0, 3), (600, 2), (1200, 1)]


def test_unknown_keys_are_kept_apart_as_json():
    payload = cbor2.dumps({1: 3, 64: 5, 65: b"\x01\xff", 66: [1, b"\x02"], 67: 1.5, 68: {1: 2}})
    payload += cbor2.dumps({0: 600, 64: 6})
    found = decode_payload(payload)
    assert [sorted(each) for each in found["readings"]] == [["age_s", "co2"], ["age_s"]]
    unknown = {"64": 5, "65": "01ff", "66": [1, "02"], "67": "1.5", "68": "{1: 2}"}
    assert found["unknown"] == unknown
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        ("", "the payload is empty"),
        ("a1", "no CBOR after byte"),
        ("a10119026400", "an item is not a CBOR map with integer keys"),
        ("8101", "an item is not a CBOR map with integer keys"),
        ("a1616101", "an item is not a CBOR map with integer keys"),
        ("a1f501", "an item is not a CBOR map with integer keys"),
        ("a1016161", "co2 is 'a', not a whole number"),
        ("a102f94000", "temperature is '2.0', not a whole number"),
        ("a103f5", "humidity is True, not a whole number"),
        ("a101f6", "co2 is None, not a whole number"),
        ("a12000ff", "no CBOR"),
        ("a12020", "-1 is no bit mask"),
        ("81" * 1000, "no CBOR"),
        ("bf0101ff", "no CBOR"),
        ("a201010102", "no CBOR"),
        ("a20005f405", "no CBOR"),  # False is no second 0
        ("a101c24101", "co2 is \"CBORTag(2, b'"),
        ("a1011b0020000000000000", "co2 is 9007199254740992, not a whole number"),
        ("a11b002000000000000000", "an item is not a CBOR map with integer keys"),
    ],
)
def test_malformed_payloads_have_one_line(payload, cause):
    with pytest.raises(HostError) as error:
        decode_payload(bytes.fromhex(payload))
    assert cause in str(error.value) and "\n" not in str(error.value)
    assert error.value.next_step


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.binary(max_size=24) | st.binary(max_size=24).map(lambda tail: b"\xa1" + tail))
def test_garbage_is_decoded_or_refused(payload):
    for f_port, downlink in ((1, False), (2, False), (2, True), (3, False)):
        try:
            json.dumps(decode_payload(payload, f_port, downlink))
        except HostError as error:
            assert "\n" not in str(error)


def test_a_tag_is_not_obeyed():
    """A date, a pattern, a number with a billion digits: none of them is made."""
    for tagged in ("c06161", "d82361" + b"(".hex(), "c4821a3b9aca0001"):
        found = decode_payload(bytes.fromhex("a20107" + "1840" + tagged))
        assert found["readings"] == [{"age_s": 0, "co2": 7}]
        assert found["unknown"]["64"].startswith("CBORTag(")


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({6: 5}, "marks is not [empty, full, level]"),
        ({6: [1, 2]}, "marks is not [empty, full, level]"),
        ({11: [800, "x"]}, "light is 'x', not a whole number"),
        ({1: [1, 2]}, "interval is [1, 2], not a whole number"),
    ],
)
def test_settings_of_another_shape_are_refused(values, cause):
    with pytest.raises(HostError) as error:
        decode_payload(cbor2.dumps(values), 2, downlink=True)
    assert cause in str(error.value)


@pytest.mark.parametrize("values", [{0: 5}, {0: b"0.1.0"}, {1: "abcd"}, {1: None}])
def test_status_of_another_type_is_refused(values):
    with pytest.raises(HostError, match=r"^(firmware_version|config_digest) is "):
        decode_payload(cbor2.dumps(values), 3)


def test_settings_and_their_answer():
    command = {0: 7, 1: 600, 6: [None, 120, 0], 8: 25, 99: 1}
    found = decode_payload(cbor2.dumps(command), 2, downlink=True)
    wanted = {"sequence": 7, "interval": 600, "marks": [None, 120, 0], "temperature_offset": 2.5}
    assert (found["settings"], found["unknown"]) == (wanted, {"99": 1})
    found = decode_payload(cbor2.dumps({0: 7, 1: 2, 2: 1}), 2)
    assert found["answer"] == {"sequence": 7, "result": "range", "at_fault": "interval"}
    found = decode_payload(cbor2.dumps({1: 0}), 2)
    assert found["answer"] == {"sequence": None, "result": "done", "at_fault": None}


def test_status():
    wire = {0: "0.1.0", 1: b"\xab\xcd", 2: 170, 3: 2, 6: 1, 8: 371, 9: -97, 10: -3, 40: 1}
    found = decode_payload(cbor2.dumps(wire), 3)
    assert found["status"] == {
        "firmware_version": "0.1.0",
        "config_digest": "abcd",
        "uptime": 170,
        "restart": "watchdog",
        "waits_for": "duty cycle",
        "battery": 3.71,
        "last_rssi": -97,
        "last_snr": -3,
    }
    assert found["unknown"] == {"40": 1} and found["readings"] == []


def test_other_ports_and_two_maps_are_refused():
    with pytest.raises(HostError, match="FPort 7 is not one of a node"):
        decode_payload(b"\xa0", 7)
    with pytest.raises(HostError, match="2 CBOR maps on FPort 3, need 1"):
        decode_payload(b"\xa0\xa0", 3)


def uplink(f_cnt, f_port=1, payload=b"\xa1\x01\x19\x02\x64", f_opts=b""):
    frame = DataFrame(
        MType.UNCONFIRMED_UP, SESSION.dev_addr, DataFrame.ADR, f_cnt, f_opts, f_port, payload
    )
    return SESSION.seal(frame)


def test_a_frame():
    assert decode_phy(uplink(9, f_opts=b"\x02"), *KEYS) == {
        "readings": [{"age_s": 0, "co2": 612}],
        "unknown": {},
        "commands": [{"name": "LinkCheckReq"}],
        "m_type": "unconfirmed_up",
        "dev_addr": "260b1234",
        "f_cnt": 9,
        "f_port": 1,
        "f_opts": "02",
        "mic_ok": True,
        "payload": "a101190264",
    }


def test_the_upper_half_of_a_counter_is_found_or_given():
    phy = uplink(3 << 16 | 9)
    assert decode_phy(phy, *KEYS)["f_cnt"] == 3 << 16 | 9
    assert decode_phy(phy, *KEYS, f_cnt=3 << 16 | 9)["mic_ok"]
    assert not decode_phy(phy, *KEYS, f_cnt=2 << 16 | 9)["mic_ok"]
    with pytest.raises(HostError, match="the frame carries counter 9, not 8"):
        decode_phy(phy, *KEYS, f_cnt=8)


def test_nothing_is_read_under_a_wrong_mic():
    found = decode_phy(uplink(9), bytes(16), SESSION.app_skey)
    assert found["mic_ok"] is False and found["payload"] is None
    assert (found["readings"], found["f_cnt"]) == ([], 9)


def test_commands_on_port_0_and_ports_of_others():
    found = decode_phy(uplink(9, 0, b"\x03\x07"), *KEYS)
    acks = {"ch_mask_ack": True, "data_rate_ack": True, "power_ack": True}
    assert found["commands"] == [{"name": "LinkADRAns", **acks}]
    assert decode_phy(uplink(9, 42, b"\x01"), *KEYS)["payload"] == "01"
    assert decode_phy(uplink(9, None, b""), *KEYS)["payload"] == ""


@pytest.mark.parametrize("phy", [b"", b"\x40" * 11, bytes(23), b"\x20" + bytes(16)])
def test_what_is_no_data_frame(phy):
    with pytest.raises(HostError) as error:
        decode_phy(phy, *KEYS)
    assert "\n" not in str(error.value) and error.value.next_step


def test_keys_of_another_size():
    with pytest.raises(HostError, match="a key of 15 bytes"):
        decode_phy(uplink(9), bytes(15), bytes(16))


def reading(age_s, **values):
    return {"age_s": age_s, **values}


def test_parts_are_joined_and_doubles_dropped_by_measured_time():
    seen = Deduplicator(interval_s=600)
    assert seen.add("a", 1000, reading(0, co2=600, temperature=21.0))
    assert seen.add("a", 1400, reading(399, humidity=45))  # the other part, with its new age
    assert not seen.add("a", 9000, reading(8003, co2=600))  # sent again after a lost link
    assert seen.add("a", 1600, reading(0, co2=610))
    assert seen.add("b", 1000, reading(0, co2=700))  # another node
    assert [(each.node, each.time_s) for each in seen.rows] == [
        ("a", 1000),
        ("a", 1600),
        ("b", 1000),
    ]
    assert seen.rows[0].values == {"co2": 600, "temperature": 21.0, "humidity": 45}
    assert seen.rows[1].values == {"co2": 610}


def test_half_an_interval_divides_two_readings():
    seen = Deduplicator(interval_s=600)
    assert seen.add("a", 1000, reading(0, co2=1))
    assert not seen.add("a", 1299, reading(0, co2=1))
    assert seen.add("a", 1300, reading(0, co2=1))
    assert seen.add("a", 1000, reading(300, co2=1))
    assert len(seen.rows) == 3


def test_the_nearer_of_two_neighbours_takes_it():
    seen = Deduplicator(interval_s=600)
    for arrival_s in (2200, 1000, 1580):
        assert seen.add("a", arrival_s, reading(0, co2=arrival_s))
    assert seen.add("a", 1330, reading(0, humidity=45))
    assert seen.add("a", 1250, reading(0, humidity=44))
    by_time = {each.time_s: each.values for each in seen.rows}
    assert by_time[1580] == {"co2": 1580, "humidity": 45}
    assert by_time[1000] == {"co2": 1000, "humidity": 44}


def test_readings_of_a_lost_clock_go_by_number():
    seen = Deduplicator(interval_s=600)
    assert seen.add("a", 1000, reading(None, number=65535, co2=600))
    assert seen.add("a", 1010, reading(None, number=65535, humidity=45))
    assert not seen.add("a", 9000, reading(None, number=65535, co2=600))
    assert seen.add("a", 1010, reading(None, number=0, co2=610))
    assert seen.add("b", 1010, reading(None, number=0, co2=620))
    assert [each.time_s for each in seen.rows] == [None] * 3
    assert seen.rows[0].values == {"number": 65535, "co2": 600, "humidity": 45}


def told(counts, arrival_s, *readings, node="a"):
    """The differences that Counts adds to the readings of one frame, newest first."""
    found = [{"age_s": age_s, "count": total} for age_s, total in readings]
    counts.add(node, arrival_s, found)
    return [each.get("count_difference") for each in found]


def test_a_total_comes_with_what_it_grew_by():
    counts = Counts()
    assert told(counts, 1000, (0, 65530)) == [None]  # nothing was before it
    assert told(counts, 1600, (0, 4)) == [10]  # after 65535 comes 0
    assert told(counts, 2200, (0, 4)) == [0]
    assert told(counts, 2200, (0, 9), node="b") == [None]
    reading = {"age_s": 0, "count": 9, "count_back": 3, "co2": 600}
    counts.add("a", 2800, [reading])
    assert reading["count_difference"] == 5 and "count_back_difference" not in reading


def test_the_reading_before_is_that_of_the_time_and_not_of_the_arrival():
    counts = Counts()
    assert told(counts, 1000, (0, 10)) == [None]
    assert told(counts, 4000, (0, 60), (600, 50), (1200, 30)) == [10, 20, 20]
    assert told(counts, 4600, (2400, 20)) == [10]  # one that was kept for long
    assert told(counts, 4611, (2410, 20)) == [10]  # and once more, told to the second
    assert told(counts, 4620, (20, 75)) == [15]


def test_one_whose_clock_was_lost_has_no_reading_before_it():
    counts = Counts()
    assert told(counts, 1000, (0, 10)) == [None]
    assert told(counts, 1600, (None, 12)) == [None]
    assert told(counts, 2200, (0, 15)) == [5]
