# SPDX-License-Identifier: MIT
"""The uplink channels of one device, as it has acknowledged them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from host.lorawan import build_cf_list
from host.maccommands import MacCommand
from simulator.regions import Channel, Region

_BLOCK = 16  # channels of one ChMask
_NARROW = 64  # channels of 125 kHz in a fixed plan; those of 500 kHz follow
_OFF_125, _ON_125, _BANKS, _WIDE = 7, 6, 5, 4  # ChMaskCntl of fixed plans (RP002 2.5.5)
_ALL_ON = 6  # ChMaskCntl of dynamic plans


class ChannelPlan:
    """Channels by index, and which of them are on."""

    def __init__(self, region: Region):
        self._region = region
        self.channels: dict[int, Channel] = dict(enumerate(region.channels))
        self.enabled = set(self.channels)

    def take_cf_list(self, cf_list: bytes) -> None:
        """Follow what a join-accept carried: frequencies (type 0) or masks (type 1)."""
        if not cf_list:
            return
        if self._region.fixed:
            masks = int.from_bytes(cf_list[:10], "little")
            self.enabled = {index for index in self.channels if masks >> index & 1}
            return
        for place in range(5):
            freq_hz = int.from_bytes(cf_list[3 * place : 3 * place + 3], "little") * 100
            self._define(len(self._region.channels) + place, freq_hz, 0, 5)

    def take_new_channel(self, request: MacCommand) -> None:
        """Follow a NewChannelReq; frequency 0 takes the channel away."""
        fields = request.fields
        self._define(fields["ch_index"], fields["frequency_hz"], fields["min_dr"], fields["max_dr"])

    def take_dl_channel(self, request: MacCommand) -> None:
        """Follow a DlChannelReq: RX1 of one channel is elsewhere."""
        index = request.fields["ch_index"]
        if index in self.channels:
            downlink_hz = request.fields["frequency_hz"]
            self.channels[index] = replace(self.channels[index], downlink_hz=downlink_hz)

    def take_masks(self, requests: Iterable[MacCommand]) -> None:
        """Follow a block of LinkADRReq: its masks one after the other."""
        for request in requests:
            control, mask = request.fields["ch_mask_cntl"], request.fields["ch_mask"]
            change = self._fixed_mask if self._region.fixed else self._dynamic_mask
            self.enabled = change(control, mask) & self.channels.keys()

    def enable_defaults(self) -> None:
        """What a device may have done that hears nothing for long (4.3.1.1)."""
        self.enabled |= set(range(len(self._region.channels)))

    def rx1_hz(self, freq_hz: int) -> int | None:
        """Where RX1 is after an uplink at freq_hz; None: a fixed plan has no such channel."""
        for channel in self.channels.values():
            if channel.freq_hz == freq_hz:
                return channel.downlink_hz
        return None if self._region.fixed else freq_hz

    def mask(self) -> tuple[int, int]:
        """(ChMaskCntl, ChMask) that leaves the first block with channels as it is."""
        enabled = self.enabled or range(len(self._region.channels))  # none: it takes the defaults
        control = min(enabled) // _BLOCK
        return control, _mask(enabled, control)

    def _define(self, index: int, freq_hz: int, min_dr: int, max_dr: int) -> None:
        if freq_hz:
            self.channels[index] = Channel(freq_hz, min_dr, max_dr, freq_hz)
            self.enabled.add(index)
        else:
            self.channels.pop(index, None)
            self.enabled.discard(index)

    def _dynamic_mask(self, control: int, mask: int) -> set[int]:
        if control == _ALL_ON:
            return set(self.channels)
        return _indices(mask, 0) if control == 0 else self.enabled

    def _fixed_mask(self, control: int, mask: int) -> set[int]:
        narrow = set(range(_NARROW))
        if control < _WIDE:
            block = set(range(_BLOCK * control, _BLOCK * (control + 1)))
            return self.enabled - block | _indices(mask, _BLOCK * control)
        if control == _BANKS:
            banks = _indices(mask & 0xFF, 0)
            return {
                index for bank in banks for index in (*range(8 * bank, 8 * bank + 8), 64 + bank)
            }
        wide = _indices(mask & 0xFF, _NARROW)
        if control == _WIDE:
            return self.enabled & narrow | wide
        return wide | (narrow if control == _ON_125 else set())


def sub_band_masks(channels: Sequence[int]) -> list[tuple[int, int]]:
    """The (ChMaskCntl, ChMask) of a block of LinkADRReq that leaves a fixed plan these channels.

    As ChirpStack asks for them: all of 125 kHz off first, then on by blocks of 16.
    """
    found = [(_OFF_125, _mask(channels, _WIDE))]
    blocks = sorted({index // _BLOCK for index in channels if index < _NARROW})
    return found + [(control, _mask(channels, control)) for control in blocks]


def cf_list(region: Region, freqs_hz: tuple[int, ...]) -> bytes:
    """The CFList of a join-accept, b"" for none: more frequencies, or the masks of a fixed plan."""
    if not region.fixed:
        return build_cf_list(freqs_hz) if freqs_hz else b""
    masks = sum(1 << index for index in region.sub_band)
    return masks.to_bytes(10, "little") + bytes(5) + b"\x01"


def _indices(mask: int, first: int) -> set[int]:
    return {first + bit for bit in range(_BLOCK) if mask >> bit & 1}


def _mask(channels: Iterable[int], control: int) -> int:
    return sum(1 << index % _BLOCK for index in channels if index // _BLOCK == control)
