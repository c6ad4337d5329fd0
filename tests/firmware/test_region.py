# SPDX-License-Identifier: MIT
"""lora.region and lora.regions against the numbers of RP002-1.0.4."""

from lora.fixed import channel
from lora.region import band, find
from lora.session import Session
from network import APP_SKEY, DEV_ADDR, NWK_SKEY
from vectors import refuses

NAMES = ("EU868", "US915", "AU915", "AS923", "AS923-2", "AS923-3", "AS923-4", "IN865")


def _limits(region, freqs_hz):
    found = [band(region, freq_hz) for freq_hz in freqs_hz]
    return [index if index is None else region.bands[index][2] for index in found]


def test_bands_of_eu868():
    region = find("EU868")
    for freq_hz, limit in (
        (863000000, 1000),
        (864900000, 1000),
        (867100000, 100),
        (868100000, 100),
        (868500000, 100),
        (868600000, 100),
        (868600100, None),
        (868699900, None),
        (868700000, 1000),
        (869200100, None),
        (869399900, None),
        (869650000, 10),
        (869650100, None),
        (869699900, None),
        (869700000, 100),
        (870000000, 100),
        (870000100, None),
        (862999900, None),
        (868800000, 1000),
        (869300000, None),
        (869525000, 10),
        (869680000, None),
        (869900000, 100),
        (870100000, None),
        (0, None),
    ):
        assert _limits(region, [freq_hz]) == [limit], freq_hz
    assert band(region, 867900000) != band(region, 868100000)  # L and M are two budgets


def test_bands_elsewhere():
    assert _limits(find("US915"), [902000000, 928000000, 901900000, 928100000]) == [
        1,
        1,
        None,
        None,
    ]
    assert _limits(find("AU915"), [915000000, 928000000, 914900000]) == [1, 1, None]
    assert _limits(find("AS923"), [915000000, 928000000, 868100000]) == [100, 100, None]
    assert _limits(find("IN865"), [865000000, 867000000, 868100000]) == [1, 1, None]


def test_data_rates():
    sf12_to_sf7 = [(12 - rate, 125000) for rate in range(6)]
    wide = [(12 - rate, 500000) for rate in range(6)]
    for name, expected in (
        ("EU868", sf12_to_sf7 + [(7, 250000)]),
        ("IN865", sf12_to_sf7),
        ("AS923", sf12_to_sf7 + [(7, 250000)]),
        ("US915", [(10 - rate, 125000) for rate in range(4)] + [(8, 500000)] + [None] * 3 + wide),
        ("AU915", sf12_to_sf7 + [(8, 500000), None] + wide),
    ):
        assert list(find(name).data_rates) == expected, name


def test_longest_mac_payloads():
    for name, rows in (
        ("EU868", [[59, 59, 59, 123, 250, 250, 250]]),
        ("IN865", [[59, 59, 59, 123, 250, 250]]),
        ("AS923", [[59, 59, 123, 123, 250, 250, 250], [0, 0, 19, 61, 133, 250, 250]]),
        ("US915", [[19, 61, 133, 250, 250, 0, 0, 0, 61, 137, 250, 250, 250, 250]]),
        (
            "AU915",
            [
                [59, 59, 59, 123, 250, 250, 250, 0, 61, 137, 250, 250, 250, 250],
                [0, 0, 19, 61, 133, 250, 250, 0, 61, 137, 250, 250, 250, 250],
            ],
        ),
    ):
        assert [list(row) for row in find(name).max_mac_payload] == rows, name


def test_rx1_data_rates():
    for data_rate in range(7):
        for offset in range(6):
            expected = max(0, data_rate - offset)
            assert find("EU868").rx1_data_rates[data_rate][offset] == expected
            assert find("AS923").rx1_data_rates[data_rate][offset] == expected
        # offsets 6 and 7 are one and two data rates up; what has no data rate is held at the last
        row = find("AS923").rx1_data_rates[data_rate]
        assert list(row[6:]) == [min(data_rate + 1, 6), min(data_rate + 2, 6)]
    for data_rate in range(6):
        row = find("IN865").rx1_data_rates[data_rate]
        assert list(row) == [max(0, data_rate - offset) for offset in range(6)] + [
            min(data_rate + 1, 5),
            min(data_rate + 2, 5),
        ]
    for name, highest in (("US915", 10), ("AU915", 8)):
        for data_rate, row in enumerate(find(name).rx1_data_rates):
            for offset, found in enumerate(row):
                assert found == min(max(highest + data_rate - offset, 8), 13), (data_rate, offset)
    # US915's DR4 is a 500 kHz channel like DR3's pair: one more than DR3 at offset 1
    assert list(find("US915").rx1_data_rates[4]) == [13, 13, 12, 11]


def test_downlink_dwell_raises_rx1_in_as923_alone():
    for name, expected in (("AS923", 2), ("EU868", 0), ("AU915", 8)):
        region = find(name)
        session = Session(region, DEV_ADDR, NWK_SKEY, APP_SKEY)
        assert session.downlink_dwell == 0
        session.downlink_dwell = 1
        assert session.rx1_data_rate(0) == expected, name


def test_default_channels_and_rx2():
    for name, channels, rx2 in (
        ("EU868", (868100000, 868300000, 868500000), (869525000, 0)),
        ("IN865", (865062500, 865402500, 865985000), (866550000, 2)),
        ("AS923", (923200000, 923400000), (923200000, 2)),
        ("AS923-2", (921400000, 921600000), (921400000, 2)),
        ("AS923-3", (916600000, 916800000), (916600000, 2)),
        ("AS923-4", (917300000, 917500000), (917300000, 2)),
    ):
        region = find(name)
        assert region.channels == tuple([(freq_hz, 0, 5) for freq_hz in channels]), name
        assert region.rx2 == rx2
        assert not region.fixed


def test_the_72_channels_of_the_fixed_plans():
    for name, first_hz, wide_hz, narrow_dr, wide_dr in (
        ("US915", 902300000, 903000000, (0, 3), (4, 4)),
        ("AU915", 915200000, 915900000, (0, 5), (6, 6)),
    ):
        region = find(name)
        assert region.fixed and region.channel_count == 72
        for index in range(72):
            freq_hz, min_dr, max_dr, downlink_hz = channel(region, index)
            assert downlink_hz == 923300000 + 600000 * (index % 8)
            if index < 64:
                assert (freq_hz, (min_dr, max_dr)) == (first_hz + 200000 * index, narrow_dr)
            else:
                assert (freq_hz, (min_dr, max_dr)) == (wide_hz + 1600000 * (index - 64), wide_dr)
        assert channel(region, 72) is None
        assert region.rx2 == (923300000, 8)


def test_power():
    for name, max_eirp_dbm, steps in (
        ("EU868", 16, 7),
        ("US915", 32, 14),
        ("AU915", 30, 14),
        ("AS923", 16, 7),
        ("IN865", 30, 10),
    ):
        region = find(name)
        assert (region.max_eirp_dbm, region.tx_power_steps) == (max_eirp_dbm, steps), name
        assert region.adr_ack == (64, 32)


def test_regions_are_found_by_name():
    for name in NAMES:
        region = find(name)
        assert region.name == name.replace("AS923", "AS923-1") if name == "AS923" else name
        assert len(region.mask_controls) == 8
        assert (name[:2] in ("AS", "AU")) == (region.dwell == (1, 0))
        for row in region.max_mac_payload:
            assert len(row) == len(region.data_rates)
        for data_rate in region.join_data_rates:
            session = Session(region, DEV_ADDR, NWK_SKEY, APP_SKEY)
            assert session.usable(data_rate), (name, data_rate)
        for row in region.rx1_data_rates:
            for data_rate in row:
                assert region.data_rates[data_rate], name
        assert band(region, region.rx2[0]) is not None
    for name in ("CN470", "EU868-2", ""):
        assert refuses((ImportError, AttributeError), find, name), name
