# SPDX-License-Identifier: MIT
"""What the network knows of a device: who it is, and what it has acknowledged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from host.lorawan import Session
from host.maccommands import MacCommand
from simulator.plan import ChannelPlan
from simulator.regions import Region

_KEEP = 15  # DataRate and TXPower of a LinkADRReq: stay as they are


@dataclass(eq=False)
class Device:
    """A registered device; sessions are all that it was given, oldest first."""

    name: str
    dev_eui: bytes
    join_eui: bytes
    app_key: bytes
    sessions: list[Session] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """Return the entry of devices.json."""
        return {
            "name": self.name,
            "dev_eui": self.dev_eui.hex(),
            "join_eui": self.join_eui.hex(),
            "app_key": self.app_key.hex(),
            "sessions": [
                {
                    "dev_addr": f"{each.dev_addr:08x}",
                    "nwk_skey": each.nwk_skey.hex(),
                    "app_skey": each.app_skey.hex(),
                }
                for each in self.sessions
            ],
        }

    @classmethod
    def restore(cls, record: dict[str, Any]) -> "Device":
        """Make a device of an entry of devices.json. KeyError, ValueError: it is malformed."""
        dev_eui, join_eui, app_key = (
            bytes.fromhex(record[key]) for key in ("dev_eui", "join_eui", "app_key")
        )
        sessions = [
            Session(
                int(each["dev_addr"], 16),
                bytes.fromhex(each["nwk_skey"]),
                bytes.fromhex(each["app_skey"]),
            )
            for each in record["sessions"]
        ]
        return cls(record["name"], dev_eui, join_eui, app_key, sessions)


@dataclass(frozen=True)
class Rate:
    """What a LinkADRReq sets besides the channels."""

    data_rate: int
    tx_power: int = 0
    nb_trans: int = 1


@dataclass(frozen=True)
class Window:
    """A receive window: it opens `delay_us` after the end of the uplink."""

    delay_us: int
    freq_hz: int
    data_rate: int


class Acknowledged:
    """The settings of a device in one session, as far as it has acknowledged them.

    Between a request and its answer the network goes by what was before.
    """

    def __init__(self, region: Region, delay_s: int, rx1_dr_offset: int, rx2_data_rate: int):
        self._region = region
        self.plan = ChannelPlan(region)
        self.rx1_delay_s, self.rx1_dr_offset = delay_s, rx1_dr_offset
        self.rx2_freq_hz, self.rx2_data_rate = region.rx2_freq_hz, rx2_data_rate
        self.rate = Rate(min(region.uplink_rates))
        self.max_tx_power = region.max_tx_power  # as far as it goes along
        self.max_duty_cycle = 0
        self.uplink_dwell, self.downlink_dwell = region.dwell or (False, False)
        self.max_eirp_dbm: int | None = None  # None: the region's own
        self.battery: int | None = None  # of the last DevStatusAns, as its margin
        self.margin_db: int | None = None

    def window(self, number: int, freq_hz: int, data_rate: int) -> Window:
        """Where the device listens after an uplink with these; RX2 where we cannot send in RX1."""
        if number == 1:
            rate = self._region.rx1_rate(data_rate, self.rx1_dr_offset, self.downlink_dwell)
            rx1_hz = self.plan.rx1_hz(freq_hz)
            if rx1_hz is not None and rate is not None:
                return Window(self.rx1_delay_s * 1_000_000, rx1_hz, rate)
        return Window((self.rx1_delay_s + 1) * 1_000_000, self.rx2_freq_hz, self.rx2_data_rate)

    def answer_room(self, adr: bool, data_rate: int) -> int:
        """Bytes of answers that the next uplink has room for (5); the arguments are the last's."""
        rates = [data_rate] if adr else sorted(self._region.uplink_rates)
        found = (self._region.longest_of(rate, self.uplink_dwell) for rate in rates)
        return next(longest for longest in found if longest) - 8

    def longest_down(self, data_rate: int) -> int:
        """Bytes of MACPayload that a downlink may have."""
        return self._region.longest_of(data_rate, self.downlink_dwell)

    def follow(self, requests: Sequence[MacCommand], answer: MacCommand) -> bool:
        """Take the answer to one request, or to a block of LinkADRReq; True: it was taken whole."""
        fields = requests[-1].fields
        if answer.name == "DevStatusAns":
            self.battery, self.margin_db = answer.fields["battery"], answer.fields["margin"]
        elif not all(answer.fields.values()):
            if answer.fields.get("power_ack") is False:
                # as ChirpStack: it cannot go so low, but one step higher perhaps
                self.max_tx_power = max(fields["tx_power"] - 1, 0)
            return False
        elif answer.name == "LinkADRAns":
            self.plan.take_masks(requests)
            rate, data_rate, tx_power = self.rate, fields["data_rate"], fields["tx_power"]
            self.rate = Rate(
                rate.data_rate if data_rate == _KEEP else data_rate,
                rate.tx_power if tx_power == _KEEP else tx_power,
                fields["nb_trans"] or 1,
            )
        elif answer.name == "NewChannelAns":
            self.plan.take_new_channel(requests[-1])
        elif answer.name == "DlChannelAns":
            self.plan.take_dl_channel(requests[-1])
        else:
            self._take_setup(answer.name, fields)
        return True

    def _take_setup(self, answer: str, fields: Mapping[str, int]) -> None:
        if answer == "DutyCycleAns":
            self.max_duty_cycle = fields["max_duty_cycle"]
        elif answer == "RXParamSetupAns":
            self.rx1_dr_offset = fields["rx1_dr_offset"]
            self.rx2_data_rate, self.rx2_freq_hz = fields["rx2_data_rate"], fields["frequency_hz"]
        elif answer == "RXTimingSetupAns":
            self.rx1_delay_s = fields["delay"] or 1
        elif answer == "TXParamSetupAns":
            self.uplink_dwell = bool(fields["uplink_dwell"])
            self.downlink_dwell = bool(fields["downlink_dwell"])
            self.max_eirp_dbm = fields["max_eirp_dbm"]
