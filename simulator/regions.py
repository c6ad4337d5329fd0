# SPDX-License-Identifier: MIT
"""Regional parameters (RP002-1.0.4) as the network has them: numbers of its own, no firmware's."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """An uplink channel with its data rates, and where RX1 is after an uplink on it."""

    freq_hz: int
    min_dr: int
    max_dr: int
    downlink_hz: int


@dataclass(frozen=True)
class Region:
    """One plan. Dynamic: 16 channels, which the network defines; fixed: 72, to switch on and off.

    The mappings go by data rate; what is no LoRa (FSK, LR-FHSS) is left out.
    """

    name: str
    fixed: bool
    band_hz: tuple[int, int]  # from where to where anybody may send
    channels: tuple[Channel, ...]  # what a device has from the start
    more_hz: tuple[int, ...]  # dynamic: what our gateways hear besides; fits a CFList
    sub_band: tuple[int, ...]  # fixed: the channels, by index, that our gateways hear
    uplink_rates: Mapping[int, tuple[int, int]]  # SF and bandwidth in Hz
    downlink_rates: Mapping[int, tuple[int, int]]
    longest: Mapping[int, int]  # bytes of MACPayload, no repeater
    longest_dwell: Mapping[int, int]  # what a dwell time of 400 ms changes of them, 0: not allowed
    rx1_rates: Mapping[int, tuple[int, ...]]  # by uplink data rate, then by RX1DROffset
    rx2_freq_hz: int
    rx2_data_rate: int
    max_tx_power: int  # the highest TXPower: 2 dB a step
    adr_data_rate: int  # the highest that ADR asks for: 125 kHz
    downlink_dbm: int  # conducted, into a dipole
    dwell: tuple[bool, bool] | None = None  # uplink, downlink at boot; None: no TXParamSetupReq
    duty_cycle: float | None = None  # of the sub-band that the join channels share
    fast_hz: int = 0  # dynamic: a gateway's one channel of 250 kHz

    def heard(self) -> tuple[tuple[int, int], ...]:
        """(frequency, bandwidth), in Hz, of what a gateway with eight channels listens to.

        In the order of The Things Network's gateways: the default channels first.
        """
        if self.fixed:
            found = [self.channels[index] for index in self.sub_band]
            return tuple((each.freq_hz, self.uplink_rates[each.min_dr][1]) for each in found)
        narrow = [each.freq_hz for each in self.channels] + list(self.more_hz)
        fast = [(self.fast_hz, 250_000)] if self.fast_hz else []
        return (*((freq_hz, 125_000) for freq_hz in narrow), *fast)

    def uplink_rate(self, sf: int, bw_hz: int) -> int | None:
        """The data rate of an uplink, None when the region has none like that."""
        for data_rate, rate in self.uplink_rates.items():
            if rate == (sf, bw_hz):
                return data_rate
        return None

    def rx1_rate(self, data_rate: int, offset: int, dwell: bool) -> int | None:
        """The data rate of RX1 after an uplink with `data_rate`; `dwell`: DownlinkDwellTime.

        None: there is none like that, or it is no LoRa.
        """
        row = self.rx1_rates[data_rate]
        found = row[offset] if offset < len(row) else -1
        if dwell:  # MinDR is the slowest that the dwell time allows
            found = max(found, min(dr for dr in self.longest if self.longest_of(dr, True)))
        return found if found in self.downlink_rates else None

    def longest_of(self, data_rate: int, dwell: bool) -> int:
        """The longest MACPayload, 0 when the dwell time forbids the data rate."""
        longest = self.longest[data_rate]
        return self.longest_dwell.get(data_rate, longest) if dwell else longest

    def power_dbm(self, freq_hz: int) -> int:
        """What a gateway sends with."""
        band_p = 869_400_000 <= freq_hz <= 869_650_000  # ETSI EN 300 220-2: 27 dBm ERP
        return 27 if self.name == "EU868" and band_p else self.downlink_dbm


_SF12_TO_SF7 = {dr: (12 - dr, 125_000) for dr in range(6)}
_WIDE = {8 + dr: (12 - dr, 500_000) for dr in range(6)}  # DR8 to DR13, down
_LONGEST_WIDE = {8: 61, 9: 137, 10: 250, 11: 250, 12: 250, 13: 250}
_SUB_BAND_2 = (8, 9, 10, 11, 12, 13, 14, 15, 65)


def _dynamic(*freqs_hz: int) -> tuple[Channel, ...]:
    return tuple(Channel(freq_hz, 0, 5, freq_hz) for freq_hz in freqs_hz)


def _fixed(narrow_hz: int, wide_hz: int, wide_dr: int) -> tuple[Channel, ...]:
    """64 channels of 125 kHz and 8 of 500 kHz; RX1 is on one of eight, taken in turn."""
    rows = [(narrow_hz + 200_000 * index, 0, wide_dr - 1) for index in range(64)]
    rows += [(wide_hz + 1_600_000 * index, wide_dr, wide_dr) for index in range(8)]
    return tuple(
        Channel(freq_hz, low, high, 923_300_000 + 600_000 * (index % 8))
        for index, (freq_hz, low, high) in enumerate(rows)
    )


def _down(data_rates: range, offsets: range, highest: int) -> dict[int, tuple[int, ...]]:
    """One data rate down a step; the offsets 6 and 7, where there are any, go one and two up."""
    steps = [offset if offset < 6 else 5 - offset for offset in offsets]
    return {dr: tuple(min(max(dr - step, 0), highest) for step in steps) for dr in data_rates}


EU868 = Region(
    name="EU868",
    fixed=False,
    band_hz=(863_000_000, 870_000_000),
    channels=_dynamic(868_100_000, 868_300_000, 868_500_000),
    more_hz=(867_100_000, 867_300_000, 867_500_000, 867_700_000, 867_900_000),
    sub_band=(),
    uplink_rates={**_SF12_TO_SF7, 6: (7, 250_000)},
    downlink_rates={**_SF12_TO_SF7, 6: (7, 250_000)},
    longest={0: 59, 1: 59, 2: 59, 3: 123, 4: 250, 5: 250, 6: 250},
    longest_dwell={},
    rx1_rates=_down(range(7), range(6), 6),
    rx2_freq_hz=869_525_000,
    rx2_data_rate=0,
    max_tx_power=7,
    adr_data_rate=5,
    downlink_dbm=14,
    duty_cycle=0.01,
    fast_hz=868_300_000,
)

US915 = Region(
    name="US915",
    fixed=True,
    band_hz=(902_000_000, 928_000_000),
    channels=_fixed(902_300_000, 903_000_000, 4),
    more_hz=(),
    sub_band=_SUB_BAND_2,
    uplink_rates={**{dr: (10 - dr, 125_000) for dr in range(4)}, 4: (8, 500_000)},
    downlink_rates=_WIDE,
    longest={0: 19, 1: 61, 2: 133, 3: 250, 4: 250, **_LONGEST_WIDE},
    longest_dwell={},
    rx1_rates={
        0: (10, 9, 8, 8),
        1: (11, 10, 9, 8),
        2: (12, 11, 10, 9),
        3: (13, 12, 11, 10),
        4: (13, 13, 12, 11),
    },
    rx2_freq_hz=923_300_000,
    rx2_data_rate=8,
    max_tx_power=14,
    adr_data_rate=3,
    downlink_dbm=26,
)

AU915 = Region(
    name="AU915",
    fixed=True,
    band_hz=(915_000_000, 928_000_000),
    channels=_fixed(915_200_000, 915_900_000, 6),
    more_hz=(),
    sub_band=_SUB_BAND_2,
    uplink_rates={**_SF12_TO_SF7, 6: (8, 500_000)},
    downlink_rates=_WIDE,
    longest={0: 59, 1: 59, 2: 59, 3: 123, 4: 250, 5: 250, 6: 250, **_LONGEST_WIDE},
    longest_dwell={0: 0, 1: 0, 2: 19, 3: 61, 4: 133},
    rx1_rates={
        0: (8, 8, 8, 8, 8, 8),
        1: (9, 8, 8, 8, 8, 8),
        2: (10, 9, 8, 8, 8, 8),
        3: (11, 10, 9, 8, 8, 8),
        4: (12, 11, 10, 9, 8, 8),
        5: (13, 12, 11, 10, 9, 8),
        6: (13, 13, 12, 11, 10, 9),
    },
    rx2_freq_hz=923_300_000,
    rx2_data_rate=8,
    max_tx_power=14,
    adr_data_rate=5,
    downlink_dbm=26,
    dwell=(True, False),
)

IN865 = Region(
    name="IN865",
    fixed=False,
    band_hz=(865_000_000, 867_000_000),
    channels=_dynamic(865_062_500, 865_402_500, 865_985_000),
    more_hz=(865_232_500, 865_602_500, 865_785_000, 866_185_000, 866_385_000),
    sub_band=(),
    uplink_rates=_SF12_TO_SF7,
    downlink_rates=_SF12_TO_SF7,
    longest={0: 59, 1: 59, 2: 59, 3: 123, 4: 250, 5: 250},
    longest_dwell={},
    rx1_rates=_down(range(6), range(8), 5),
    rx2_freq_hz=866_550_000,
    rx2_data_rate=2,
    max_tx_power=10,
    adr_data_rate=5,
    downlink_dbm=27,
)


def _as923(name: str, moved_hz: int) -> Region:
    first_hz = 923_200_000 + moved_hz
    return Region(
        name=name,
        fixed=False,
        band_hz=(915_000_000, 928_000_000),
        channels=_dynamic(first_hz, first_hz + 200_000),
        more_hz=tuple(first_hz + 200_000 * step for step in range(2, 7)),
        sub_band=(),
        uplink_rates={**_SF12_TO_SF7, 6: (7, 250_000)},
        downlink_rates={**_SF12_TO_SF7, 6: (7, 250_000)},
        longest={0: 59, 1: 59, 2: 123, 3: 123, 4: 250, 5: 250, 6: 250},
        longest_dwell={0: 0, 1: 0, 2: 19, 3: 61, 4: 133},
        rx1_rates=_down(range(7), range(8), 7),
        rx2_freq_hz=first_hz,
        rx2_data_rate=2,
        max_tx_power=7,
        adr_data_rate=5,
        downlink_dbm=14,
        dwell=(True, False),
        duty_cycle=0.01,
        fast_hz=first_hz + 200_000,
    )


_GROUPS_HZ = {"AS923-1": 0, "AS923-2": -1_800_000, "AS923-3": -6_600_000, "AS923-4": -5_900_000}
REGIONS = {
    each.name: each
    for each in (
        EU868,
        US915,
        AU915,
        *(_as923(name, moved_hz) for name, moved_hz in _GROUPS_HZ.items()),
        IN865,
    )
}
