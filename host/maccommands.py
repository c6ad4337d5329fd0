# SPDX-License-Identifier: MIT
"""MAC commands of LoRaWAN 1.0.4, Class A, in both directions (TS001 section 5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from host.lorawan import LorawanError

MAX_EIRP_DBM = (8, 10, 12, 13, 14, 16, 18, 20, 21, 24, 26, 27, 29, 30, 33, 36)


@dataclass(frozen=True)
class MacCommand:
    """One command; the names of its fields are those of FIELDS."""

    cid: int
    name: str
    fields: Mapping[str, int] = field(default_factory=dict)


class Field(NamedTuple):
    """Some bits of a command's payload, read as one little-endian number."""

    name: str
    shift: int
    width: int
    read: Callable[[int], int] = int
    write: Callable[[int], int] = int


def _flag(name: str, shift: int) -> Field:
    return Field(name, shift, 1, bool)


def _frequency(shift: int) -> Field:
    return Field("frequency_hz", shift, 24, lambda raw: raw * 100, lambda hz: hz // 100)


def _signed(name: str, shift: int, width: int) -> Field:
    half = 1 << width - 1
    return Field(
        name,
        shift,
        width,
        lambda raw: (raw ^ half) - half,
        lambda value: value & 2 * half - 1 if -half <= value < half else 2 * half,
    )


# (CID, is a downlink): name, bytes of payload, fields
COMMANDS: dict[tuple[int, bool], tuple[str, int, tuple[Field, ...]]] = {
    (0x02, False): ("LinkCheckReq", 0, ()),
    (0x02, True): ("LinkCheckAns", 2, (Field("margin", 0, 8), Field("gw_cnt", 8, 8))),
    (0x03, True): (
        "LinkADRReq",
        4,
        (
            Field("data_rate", 4, 4),
            Field("tx_power", 0, 4),
            Field("ch_mask", 8, 16),
            Field("ch_mask_cntl", 28, 3),
            Field("nb_trans", 24, 4),
        ),
    ),
    (0x03, False): (
        "LinkADRAns",
        1,
        (_flag("ch_mask_ack", 0), _flag("data_rate_ack", 1), _flag("power_ack", 2)),
    ),
    (0x04, True): ("DutyCycleReq", 1, (Field("max_duty_cycle", 0, 4),)),
    (0x04, False): ("DutyCycleAns", 0, ()),
    (0x05, True): (
        "RXParamSetupReq",
        4,
        (Field("rx1_dr_offset", 4, 3), Field("rx2_data_rate", 0, 4), _frequency(8)),
    ),
    (0x05, False): (
        "RXParamSetupAns",
        1,
        (_flag("channel_ack", 0), _flag("rx2_data_rate_ack", 1), _flag("rx1_dr_offset_ack", 2)),
    ),
    (0x06, True): ("DevStatusReq", 0, ()),
    (0x06, False): ("DevStatusAns", 2, (Field("battery", 0, 8), _signed("margin", 8, 6))),
    (0x07, True): (
        "NewChannelReq",
        5,
        (
            Field("ch_index", 0, 8),
            _frequency(8),
            Field("max_dr", 36, 4),
            Field("min_dr", 32, 4),
        ),
    ),
    (0x07, False): (
        "NewChannelAns",
        1,
        (_flag("channel_freq_ok", 0), _flag("data_rate_range_ok", 1)),
    ),
    (0x08, True): ("RXTimingSetupReq", 1, (Field("delay", 0, 4),)),
    (0x08, False): ("RXTimingSetupAns", 0, ()),
    (0x09, True): (
        "TXParamSetupReq",
        1,
        (
            _flag("downlink_dwell", 5),
            _flag("uplink_dwell", 4),
            Field("max_eirp_index", 0, 4),
            Field("max_eirp_dbm", 0, 4, MAX_EIRP_DBM.__getitem__, MAX_EIRP_DBM.index),
        ),
    ),
    (0x09, False): ("TXParamSetupAns", 0, ()),
    (0x0A, True): ("DlChannelReq", 4, (Field("ch_index", 0, 8), _frequency(8))),
    (0x0A, False): (
        "DlChannelAns",
        1,
        (_flag("channel_freq_ok", 0), _flag("uplink_freq_exists", 1)),
    ),
    (0x0D, False): ("DeviceTimeReq", 0, ()),
    (0x0D, True): ("DeviceTimeAns", 5, (Field("gps_seconds", 0, 32), Field("frac_256", 32, 8))),
}
_CIDS = {name: key for key, (name, _, _) in COMMANDS.items()}


def size(command: MacCommand) -> int:
    """Bytes of a network's command, CID included."""
    return 1 + COMMANDS[command.cid, True][1]


def answer_bytes(request: MacCommand) -> int:
    """Bytes of a device's answer to a network's request, CID included."""
    return 1 + COMMANDS[request.cid, False][1]


def parse(stream: bytes, downlink: bool) -> tuple[list[MacCommand], str | None]:
    """Return the commands of a stream, and why it stopped early.

    The reason is "unknown_cid:0xNN" or "truncated:0xNN"; the commands before it count.
    """
    commands: list[MacCommand] = []
    rest = stream
    while rest:
        cid = rest[0]
        if (cid, downlink) not in COMMANDS:
            return commands, f"unknown_cid:{cid:#04x}"
        name, length, fields = COMMANDS[cid, downlink]
        payload, rest = rest[1 : 1 + length], rest[1 + length :]
        if len(payload) < length:
            return commands, f"truncated:{cid:#04x}"
        raw = int.from_bytes(payload, "little")
        values = {f.name: f.read(raw >> f.shift & (1 << f.width) - 1) for f in fields}
        commands.append(MacCommand(cid, name, values))
    return commands, None


def build(name: str, **values: int) -> bytes:
    """Return the bytes of one command, CID first; a field left out is 0."""
    if name not in _CIDS:
        raise LorawanError(f"no MAC command {name}")
    cid, _ = _CIDS[name]
    _, length, fields = COMMANDS[_CIDS[name]]
    raw = 0
    for each in fields:
        if each.name in values:
            bits = each.write(values.pop(each.name))
            if not 0 <= bits < 1 << each.width:
                raise LorawanError(f"{each.name} of {name} is out of range")
            raw |= bits << each.shift
    if values:
        raise LorawanError(f"{name} has no field {', '.join(values)}")
    return bytes((cid,)) + raw.to_bytes(length, "little")
