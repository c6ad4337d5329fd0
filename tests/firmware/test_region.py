# SPDX-License-Identifier: MIT
"""lora.region: EU868 against RP002-1.0.4's numbers."""

from lora.region import EU868, REGIONS, band


def test_bands():
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
        (863000000, 1000),
        (862999900, None),
        (868800000, 1000),
        (869300000, None),
        (869525000, 10),
        (869680000, None),
        (869900000, 100),
        (870100000, None),
        (862900000, None),
        (0, None),
    ):
        index = band(EU868, freq_hz)
        assert (index if index is None else EU868.bands[index][2]) == limit, freq_hz
    assert band(EU868, 867900000) != band(EU868, 868100000)  # L and M are two budgets


def test_rx1_data_rate_is_the_uplinks_less_the_offset():
    for data_rate in range(7):
        for offset in range(6):
            assert EU868.rx1_data_rates[data_rate][offset] == max(0, data_rate - offset)


def test_default_channels_and_rx2():
    assert EU868.channels == ((868100000, 0, 5), (868300000, 0, 5), (868500000, 0, 5))
    assert EU868.rx2 == (869525000, 0)
    assert (EU868.max_eirp_dbm, EU868.tx_power_steps, EU868.adr_ack) == (16, 7, (64, 32))


def test_data_rates():
    assert EU868.data_rates[:6] == tuple([(12 - rate, 125000) for rate in range(6)])
    assert EU868.data_rates[6] == (7, 250000)
    assert list(EU868.max_mac_payload) == [59, 59, 59, 123, 250, 250, 250]
    assert list(EU868.join_data_rates) == [5, 4, 3, 2, 1, 0]


def test_regions_are_found_by_name():
    assert REGIONS["EU868"] is EU868
    for name, region in REGIONS.items():
        assert region.name == name
        assert len(region.max_mac_payload) == len(region.data_rates)
        assert len(region.mask_controls) == 8
        for freq_hz, min_dr, max_dr in region.channels:
            assert band(region, freq_hz) is not None
            assert min_dr <= max_dr < len(region.data_rates)
        assert band(region, region.rx2[0]) is not None
