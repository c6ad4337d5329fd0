# SPDX-License-Identifier: MIT
"""LoRaWAN 1.0.4 on the host: frames, keys and time on air, both sides of the link.

EUIs and keys are bytes in reading order; the air has EUIs reversed. Sections are of TS001-1.0.4.
"""

import hmac
import struct
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

_KEYS_KEPT = 8192  # two for each of 4,000 nodes: a key schedule costs more than a frame
_DATA = struct.Struct("<BIBH")  # MHDR, DevAddr, FCtrl, FCnt
_BLOCK = struct.Struct("<B4xBIIxB")  # B0 and A_i (4.3.3, 4.4): tag, Dir, DevAddr, FCnt, last byte


class LorawanError(ValueError):
    """A frame that a receiver drops, or fields that make no frame; `reason` says why in a line."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class MType(IntEnum):
    """Message types of the MHDR (4.2.1)."""

    JOIN_REQUEST = 0
    JOIN_ACCEPT = 1
    UNCONFIRMED_UP = 2
    UNCONFIRMED_DOWN = 3
    CONFIRMED_UP = 4
    CONFIRMED_DOWN = 5


@lru_cache(maxsize=_KEYS_KEPT)
def _aes(key: bytes) -> CipherContext:
    # ECB keeps nothing between whole blocks, so one context serves every call.
    return Cipher(algorithms.AES(_checked(key)), modes.ECB()).encryptor()


@lru_cache(maxsize=_KEYS_KEPT)
def _cmac(key: bytes) -> CMAC:
    return CMAC(algorithms.AES(_checked(key)))


def _checked(key: bytes) -> bytes:
    if len(key) != 16:
        raise LorawanError(f"a key of {len(key)} bytes, need 16")
    return key


def aes128(key: bytes, blocks: bytes) -> bytes:
    """Encrypt whole 16-byte blocks, each for itself (FIPS 197)."""
    return _aes(key).update(blocks)


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the 16 bytes of AES-CMAC (RFC 4493)."""
    state = _cmac(key).copy()
    state.update(message)
    return state.finalize()


def data_mic(key: bytes, message: bytes, dev_addr: int, f_cnt: int, downlink: bool) -> bytes:
    """Return the MIC over MHDR to FRMPayload; f_cnt is all 32 bits (4.4)."""
    return cmac(key, _BLOCK.pack(0x49, downlink, dev_addr, f_cnt, len(message)) + message)[:4]


def crypt(key: bytes, payload: bytes, dev_addr: int, f_cnt: int, downlink: bool) -> bytes:
    """Encrypt or decrypt an FRMPayload; f_cnt is all 32 bits (4.3.3)."""
    length = len(payload)
    blocks = b"".join(
        [
            _BLOCK.pack(0x01, downlink, dev_addr, f_cnt, number)
            for number in range(1, (length + 15) // 16 + 1)
        ]
    )
    stream = int.from_bytes(_aes(key).update(blocks)[:length], "big")
    return (stream ^ int.from_bytes(payload, "big")).to_bytes(length, "big")


def next_counter(last: int, low: int) -> int:
    """Return the first counter above `last` (-1: none yet) that ends in the 16 bits of `low`."""
    return last + 1 + (low - last - 1) % 0x10000


@dataclass(frozen=True, slots=True)
class DataFrame:
    """An uplink or downlink: f_cnt as on the air (16 bits), whole once a session opened it."""

    m_type: int
    dev_addr: int
    f_ctrl: int  # upper nibble only: ADR 7 | ADRACKReq 6 (up) | ACK 5 | FPending 4 (down)
    f_cnt: int
    f_opts: bytes = b""
    f_port: int | None = None
    frm_payload: bytes = b""
    mic: bytes = bytes(4)

    ADR = 0x80
    ADR_ACK_REQ = 0x40
    ACK = 0x20
    F_PENDING = 0x10

    @property
    def downlink(self) -> bool:
        return self.m_type in (MType.UNCONFIRMED_DOWN, MType.CONFIRMED_DOWN)

    @property
    def confirmed(self) -> bool:
        return self.m_type in (MType.CONFIRMED_UP, MType.CONFIRMED_DOWN)

    def build(self) -> bytes:
        """Join the fields: parse(phy).build() == phy. LorawanError: they make no frame."""
        if not MType.UNCONFIRMED_UP <= self.m_type <= MType.CONFIRMED_DOWN:
            raise LorawanError(f"message type {self.m_type} carries no data")
        if len(self.f_opts) > 15 or self.f_ctrl & ~0xF0 or not 0 <= self.dev_addr < 1 << 32:
            raise LorawanError("a field of the FHDR is out of range")
        _check_port(self.f_port, self.f_opts)
        tail = b"" if self.f_port is None else bytes((self.f_port,)) + self.frm_payload
        if self.f_port is None and self.frm_payload:
            raise LorawanError("a payload needs an FPort")
        f_ctrl = self.f_ctrl | len(self.f_opts)
        head = _DATA.pack(self.m_type << 5, self.dev_addr, f_ctrl, self.f_cnt & 0xFFFF)
        phy = head + self.f_opts + tail + self.mic
        if len(phy) > 255 or len(self.mic) != 4:
            raise LorawanError(f"{len(phy)} bytes do not fit a frame")
        return phy


def _check_port(f_port: int | None, f_opts: bytes) -> None:
    if f_port is None:
        return
    if not 0 <= f_port <= 224:
        raise LorawanError(f"FPort {f_port} is reserved")
    if f_port == 0 and f_opts:
        raise LorawanError("MAC commands both in FOpts and on FPort 0")  # 4.3.1.6


@dataclass(frozen=True, slots=True)
class Session:
    """What a join gave: the address and the keys that open and close data frames."""

    dev_addr: int
    nwk_skey: bytes = field(repr=False)  # a repr may end up in a log
    app_skey: bytes = field(repr=False)

    def open(self, phy: bytes, f_cnt: int) -> DataFrame:
        """Check a data frame against the 32-bit counter and decrypt it; LorawanError: drop it."""
        frame = parse_data(phy)
        if frame.dev_addr != self.dev_addr:
            raise LorawanError(f"it is for DevAddr {frame.dev_addr:08x}")
        if frame.f_cnt != f_cnt & 0xFFFF:
            raise LorawanError(f"it carries counter {frame.f_cnt}, not {f_cnt & 0xFFFF}")
        if not self.mic_ok(phy, frame, f_cnt):
            raise LorawanError(f"the MIC is wrong for counter {f_cnt}")
        return self.decrypt(frame, f_cnt)

    def mic_ok(self, phy: bytes, frame: DataFrame, f_cnt: int) -> bool:
        """True when the MIC of `phy`, parsed as `frame`, is right for this 32-bit counter."""
        mic = data_mic(self.nwk_skey, phy[:-4], self.dev_addr, f_cnt, frame.downlink)
        return hmac.compare_digest(mic, frame.mic)

    def decrypt(self, frame: DataFrame, f_cnt: int) -> DataFrame:
        """The frame with its whole counter and its payload in the clear; checks nothing."""
        return DataFrame(
            frame.m_type,
            frame.dev_addr,
            frame.f_ctrl,
            f_cnt,
            frame.f_opts,
            frame.f_port,
            self._crypt(frame, f_cnt),
            frame.mic,
        )

    def seal(self, frame: DataFrame) -> bytes:
        """Encrypt and sign a frame whose f_cnt is whole and whose payload is in the clear."""
        if not 0 <= frame.f_cnt < 1 << 32:
            raise LorawanError(f"counter {frame.f_cnt} is over: join again")
        message = replace(frame, frm_payload=self._crypt(frame, frame.f_cnt)).build()[:-4]
        return message + data_mic(
            self.nwk_skey, message, self.dev_addr, frame.f_cnt, frame.downlink
        )

    def _crypt(self, frame: DataFrame, f_cnt: int) -> bytes:
        if not frame.frm_payload:
            return b""
        key = self.app_skey if frame.f_port else self.nwk_skey
        return crypt(key, frame.frm_payload, self.dev_addr, f_cnt, frame.downlink)


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """What a device says to join (6.2.5)."""

    join_eui: bytes
    dev_eui: bytes
    dev_nonce: int
    mic: bytes = bytes(4)

    def build(self, app_key: bytes) -> bytes:
        """Return the 23 bytes, signed."""
        message = self._message()
        return message + cmac(app_key, message)[:4]

    def mic_ok(self, app_key: bytes) -> bool:
        """True when the device that sent it has this key."""
        return hmac.compare_digest(cmac(app_key, self._message())[:4], self.mic)

    def _message(self) -> bytes:
        if len(self.join_eui) != 8 or len(self.dev_eui) != 8 or not 0 <= self.dev_nonce <= 0xFFFF:
            raise LorawanError("EUIs have 8 bytes, a DevNonce 16 bits")
        nonce = self.dev_nonce.to_bytes(2, "little")
        return bytes((MType.JOIN_REQUEST << 5,)) + self.join_eui[::-1] + self.dev_eui[::-1] + nonce


@dataclass(frozen=True, slots=True)
class JoinAccept:
    """What a network answers (6.2.6); cf_list has 16 bytes or none."""

    join_nonce: int
    net_id: int
    dev_addr: int
    dl_settings: int = 0
    rx_delay: int = 1
    cf_list: bytes = b""

    @property
    def rx1_dr_offset(self) -> int:
        return self.dl_settings >> 4 & 7

    @property
    def rx2_data_rate(self) -> int:
        return self.dl_settings & 15

    @property
    def rx1_delay_s(self) -> int:
        return self.rx_delay & 15 or 1

    def build(self, app_key: bytes) -> bytes:
        """Return the 17 or 33 bytes, signed and encrypted."""
        if len(self.cf_list) not in (0, 16):
            raise LorawanError(f"a CFList of {len(self.cf_list)} bytes, need 16")
        fields = self.join_nonce.to_bytes(3, "little") + self.net_id.to_bytes(3, "little")
        fields += struct.pack("<IBB", self.dev_addr, self.dl_settings, self.rx_delay)
        fields += self.cf_list
        mhdr = bytes((MType.JOIN_ACCEPT << 5,))
        # "Decrypted", so that the device needs AES in one direction only.
        decryptor = Cipher(algorithms.AES(_checked(app_key)), modes.ECB()).decryptor()
        return mhdr + decryptor.update(fields + cmac(app_key, mhdr + fields)[:4])

    def session(self, app_key: bytes, dev_nonce: int) -> Session:
        """Derive the session that this answer to that DevNonce opens (6.2.6)."""
        seed = self.join_nonce.to_bytes(3, "little") + self.net_id.to_bytes(3, "little")
        seed += dev_nonce.to_bytes(2, "little") + bytes(7)
        keys = aes128(app_key, b"\x01" + seed + b"\x02" + seed)
        return Session(self.dev_addr, keys[:16], keys[16:])


def parse(phy: bytes) -> JoinRequest | DataFrame:
    """Split a PHYPayload; checks its form only, a MIC needs keys. LorawanError: none of 1.0.x."""
    if phy and phy[0] == MType.JOIN_REQUEST << 5:
        if len(phy) != 23:
            raise LorawanError(f"a join-request of {len(phy)} bytes, need 23")
        nonce = int.from_bytes(phy[17:19], "little")
        return JoinRequest(phy[8:0:-1], phy[16:8:-1], nonce, phy[19:])
    if phy and phy[0] == MType.JOIN_ACCEPT << 5:
        raise LorawanError("a join-accept opens with its AppKey only")
    return parse_data(phy)


def parse_data(phy: bytes) -> DataFrame:
    """Split the PHYPayload of a data frame."""
    if not 12 <= len(phy) <= 255:
        raise LorawanError(f"{len(phy)} bytes, a data frame has 12 to 255")
    mhdr, dev_addr, f_ctrl, f_cnt = _DATA.unpack_from(phy)
    if mhdr & 0x1F or not MType.UNCONFIRMED_UP <= mhdr >> 5 <= MType.CONFIRMED_DOWN:
        raise LorawanError(f"MHDR {mhdr:02x} is no data frame of LoRaWAN R1")
    end = 8 + (f_ctrl & 0x0F)
    if end > len(phy) - 4:
        raise LorawanError("FOpts runs past the MIC")
    f_opts = phy[8:end]
    if end == len(phy) - 4:
        return DataFrame(mhdr >> 5, dev_addr, f_ctrl & 0xF0, f_cnt, f_opts, mic=phy[-4:])
    _check_port(phy[end], f_opts)
    payload = phy[end + 1 : -4]
    return DataFrame(mhdr >> 5, dev_addr, f_ctrl & 0xF0, f_cnt, f_opts, phy[end], payload, phy[-4:])


def open_join_accept(phy: bytes, app_key: bytes) -> JoinAccept:
    """Decrypt and check a join-accept. LorawanError: it is none, or not for this key."""
    if len(phy) not in (17, 33) or phy[0] != MType.JOIN_ACCEPT << 5:
        raise LorawanError("no join-accept")
    plain = aes128(app_key, phy[1:])
    if not hmac.compare_digest(cmac(app_key, phy[:1] + plain[:-4])[:4], plain[-4:]):
        raise LorawanError("the MIC of the join-accept is wrong")
    dev_addr, dl_settings, rx_delay = struct.unpack_from("<IBB", plain, 6)
    return JoinAccept(
        join_nonce=int.from_bytes(plain[:3], "little"),
        net_id=int.from_bytes(plain[3:6], "little"),
        dev_addr=dev_addr,
        dl_settings=dl_settings,
        rx_delay=rx_delay,
        cf_list=plain[12:-4],
    )


def build_cf_list(freqs_hz: tuple[int, ...]) -> bytes:
    """Return the CFList of type 0: up to five more channels, a missing one is 0."""
    if len(freqs_hz) > 5:
        raise LorawanError(f"{len(freqs_hz)} channels, a CFList has room for 5")
    freqs_hz += (0,) * (5 - len(freqs_hz))
    return b"".join((freq_hz // 100).to_bytes(3, "little") for freq_hz in freqs_hz) + b"\0"


def cf_list_freqs_hz(cf_list: bytes) -> tuple[int, ...]:
    """Return the frequencies of a CFList of type 0, () for another type."""
    if len(cf_list) != 16 or cf_list[15] != 0:
        return ()
    return tuple(int.from_bytes(cf_list[i : i + 3], "little") * 100 for i in range(0, 15, 3))


def payload_symbols(
    length: int, sf: int, cr: int = 5, crc: bool = True, explicit: bool = True, ldro: bool = False
) -> int:
    """Return the symbols after the preamble (AN1200.13); cr 5 to 8 is 4/5 to 4/8."""
    bits = 8 * length - 4 * sf + 28 + 16 * crc - 20 * (not explicit)
    return 8 + max(-(-bits // (4 * (sf - 2 * ldro))), 0) * cr


def time_on_air_us(
    length: int,
    sf: int,
    bw_hz: int,
    cr: int = 5,
    preamble: int = 8,
    crc: bool = True,
    explicit: bool = True,
    ldro: bool | None = None,
) -> int:
    """Return us on the air for `length` bytes; ldro None: on when a symbol lasts over 16 ms."""
    if ldro is None:
        ldro = 1000 << sf > 16 * bw_hz
    symbols = preamble + 4.25 + payload_symbols(length, sf, cr, crc, explicit, ldro)
    return round(symbols * (1_000_000 << sf) / bw_hz)
