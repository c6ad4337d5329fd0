# SPDX-License-Identifier: MIT
"""Follows what devices say to a network that is not ours, by their keys: joins and counters."""

from collections.abc import Iterable

from host.lorawan import (
    DataFrame,
    JoinRequest,
    LorawanError,
    Session,
    next_counter,
    open_join_accept,
    parse,
)
from simulator.device import Device
from simulator.reception import Verdict


class _Heard:
    """A session with the last counter of its uplinks."""

    def __init__(self, device: Device, session: Session):
        self.device, self.session, self.f_cnt = device, session, -1


class Overhearing:
    """Opens the frames of devices; a session is learned from the join-accept that opens it."""

    def __init__(self, devices: Iterable[Device]):
        self._asked: dict[bytes, int] = {}  # DevEUI -> DevNonce of the last join-request
        self._devices = {device.dev_eui: device for device in devices}
        self._sessions = [
            _Heard(device, each) for device in self._devices.values() for each in device.sessions
        ]

    def uplink(self, phy: bytes) -> Verdict | None:
        """What a new data frame says; None: a copy, a join-request, or nobody's we know."""
        try:
            frame = parse(phy)
        except LorawanError:
            return None
        if isinstance(frame, JoinRequest):
            device = self._devices.get(frame.dev_eui)
            if device is not None and frame.mic_ok(device.app_key):
                self._asked[frame.dev_eui] = frame.dev_nonce
            return None
        for heard in self._sessions:
            if frame.downlink or heard.session.dev_addr != frame.dev_addr:
                continue
            f_cnt = next_counter(heard.f_cnt, frame.f_cnt)
            if f_cnt >> 32 == 0 and heard.session.mic_ok(phy, frame, f_cnt):
                heard.f_cnt = f_cnt
                plain = heard.session.decrypt(frame, f_cnt)
                return Verdict(
                    True, "", heard.device, f_cnt, plain.f_port, plain.frm_payload, "data"
                )
        return None

    def downlink(self, phy: bytes) -> Verdict:
        """Whom a downlink is for; accepted, and of the kind "join": it lets its device join."""
        for dev_eui, dev_nonce in self._asked.items():
            device = self._devices[dev_eui]
            try:
                session = open_join_accept(phy, device.app_key).session(device.app_key, dev_nonce)
            except LorawanError:
                continue
            if session not in device.sessions:
                device.sessions.append(session)
                self._sessions.append(_Heard(device, session))
            return Verdict(True, "", device, kind="join")
        return Verdict(False, device=self._addressed(phy), kind="data")

    def _addressed(self, phy: bytes) -> Device | None:
        try:
            frame = parse(phy)
        except LorawanError:
            return None
        if not isinstance(frame, DataFrame):
            return None
        found = [each for each in self._sessions if each.session.dev_addr == frame.dev_addr]
        return found[-1].device if found else None
