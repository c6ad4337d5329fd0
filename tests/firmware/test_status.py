# SPDX-License-Identifier: MIT
"""The status frame: keys in their order, as many as fit, never a byte too many."""

import cbor
import readings
import status

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
    )
    assert len(rules) == len(readings.RULES)
    for number, words in rules:
        assert readings.RULES[number] == words
