# SPDX-License-Identifier: MIT
"""The status frame: keys in their order, as many as fit, never a byte too many."""

import cbor
import network
import readings
import status
from lora.airtime import time_on_air_us

VALUES = ("0.1.0", b"\xbe\xef", 720, 1, 3, 0, 4, 3600, 371, -97, -12, 61, 0, 2)


def test_the_bytes_of_a_short_status():
    assert status.frame(("0.1.0", b"\xbe\xef", 720), 51).hex() == (
        "a30065302e312e300142beef021902d0"
    )


def test_all_14_values_fit_51_bytes():
    assert cbor.decode(status.frame(VALUES, 51)) == dict(enumerate(VALUES))
    assert len(VALUES) == len(readings.STATUS)


def test_what_is_not_known_is_left_out():
    assert cbor.decode(status.frame(("0.1.0", None, 7, None), 51)) == {0: "0.1.0", 2: 7}


def test_whatever_the_limit_it_is_as_many_keys_as_fit_from_the_first():
    whole = len(status.frame(VALUES, 255))
    lengths = []
    for limit in range(whole + 1):
        payload = status.frame(VALUES, limit)
        assert len(payload) <= limit
        found = cbor.decode(payload) if payload else {}
        assert found == {key: VALUES[key] for key in range(len(found))}
        if len(found) < len(VALUES):
            assert len(status.frame(VALUES[: len(found) + 1], 255)) > limit
        lengths.append(len(found))
    assert lengths == sorted(lengths) and lengths[0] == 0 and lengths[-1] == len(VALUES)


def test_a_long_value_is_not_jumped_over():
    payload = status.frame((1, "a long value that does not fit", 2), 8)
    assert cbor.decode(payload) == {0: 1}


def test_every_rule_that_it_can_name_has_words():
    rules = (
        (status.NOTHING, "none"),
        (status.DUTY_CYCLE, "duty cycle"),
        (status.FAIR_USE, "fair use"),
        (status.JOIN_BACKOFF, "join back-off"),
        (status.NO_ANSWER, "no answer"),
        (status.NETWORK_DUTY_CYCLE, "network's duty cycle"),
        (status.REPETITION, "repetition"),
        (status.RADIO, "radio silent"),
        (status.NEW_KEYS, "new keys"),
    )
    assert len(rules) == len(readings.RULES)
    for number, words in rules:
        assert readings.RULES[number] == status.words(number) == words


FRAME_US = time_on_air_us(24, 7, 125000)  # 61,696: 99 times that is 6.108 s


def session():
    return network.joined().session


def rule(session, fair_use_s=0):
    return status.rule_after(session, network.EU868, FRAME_US, fair_use_s)


def test_the_one_band_of_the_default_channels_rests_99_times_the_airtime():
    assert rule(session()) == (status.DUTY_CYCLE, 7)


def test_with_a_channel_in_another_band_nothing_has_to_wait():
    wide = session()
    wide.set_channel(3, 867100000, 0, 5)
    assert rule(wide) == (status.NOTHING, 0)


def test_the_longest_rule_is_the_one():
    limited = session()
    assert rule(limited, 7) == (status.FAIR_USE, 7)
    assert rule(limited, 6) == (status.DUTY_CYCLE, 7)
    limited.max_duty_cycle = 10  # 1/1024 of the time
    assert rule(limited, 20) == (status.NETWORK_DUTY_CYCLE, 64)
    assert rule(limited, 4000) == (status.FAIR_USE, 4000)
