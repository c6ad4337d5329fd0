# SPDX-License-Identifier: MIT
"""What comes up to the network and goes down again: an uplink with its copies, and the answer."""

from dataclasses import dataclass, replace

from host import maccommands
from host.lorawan import DataFrame
from simulator.adr import REQUIRED_SNR_DB
from simulator.device import Device
from simulator.link import Link


@dataclass
class Downlink:
    """What `gateway` should send, its start at time_us.

    phy and gateway may change for 200 ms after the uplink, while further copies of it come.
    """

    time_us: int
    freq_hz: int
    sf: int
    bw_hz: int
    phy: bytes
    power_dbm: int
    gateway: str


@dataclass(frozen=True)
class Verdict:
    """What became of one uplink; reason is empty when it was accepted."""

    accepted: bool
    reason: str = ""
    device: Device | None = None
    f_cnt: int | None = None
    f_port: int | None = None
    payload: bytes = b""  # in the clear
    kind: str = ""  # join, data, or empty for what is neither
    acked: bool = False  # it acknowledges a confirmed downlink
    downlink: Downlink | None = None
    held: str = ""  # why what waits for the device could not go now


@dataclass
class Reception:
    """An uplink with its copies so far, and the answer to it."""

    time_us: int
    freq_hz: int
    data_rate: int
    sf: int
    copies: list[tuple[float, str]]  # SNR, gateway
    device: Device | None = None
    link: Link | None = None
    plain: DataFrame | None = None  # the answer in the clear
    downlink: Downlink | None = None
    held: str = ""

    def best_gateway(self) -> str:
        return max(self.copies, key=lambda copy: copy[0])[1]

    def copy(self, snr_db: float, gateway: str) -> None:
        """Take a further copy, and write the answer anew with what it tells."""
        self.copies.append((snr_db, gateway))
        if self.link is not None:
            self.link.adr.copy(snr_db)
        if self.downlink is None:
            return
        self.downlink.gateway = self.best_gateway()
        if self.plain is not None and self.link is not None:
            f_opts = self.plain.f_opts
            if f_opts[:1] == b"\x02":  # LinkCheckAns, always the first
                f_opts = self.link_check() + f_opts[3:]
            self.downlink.phy = self.link.session.seal(replace(self.plain, f_opts=f_opts))

    def link_check(self) -> bytes:
        """Return the LinkCheckAns for the copies so far (5.1)."""
        margin_db = int(max(snr_db for snr_db, _ in self.copies) - REQUIRED_SNR_DB[self.sf])
        gateways = len({gateway for _, gateway in self.copies})
        margin_db, gateways = min(max(margin_db, 0), 254), min(gateways, 255)
        return maccommands.build("LinkCheckAns", margin=margin_db, gw_cnt=gateways)
