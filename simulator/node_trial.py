# SPDX-License-Identifier: MIT
"""Puts downlinks into the receive windows of a node as it was left: it has to refuse old ones."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from host import boards
from host.captures import Downlink
from host.errors import HostError
from host.lorawan import (
    DataFrame,
    LorawanError,
    MType,
    Session,
    next_counter,
    open_join_accept,
    parse,
    time_on_air_us,
)
from host.state import State
from simulator import scenario as scenarios
from simulator import schedule
from simulator.air import Air, Place, Transmission
from simulator.board import Board
from simulator.chips import sx1276_registers as reg
from simulator.clock import Clock
from simulator.device import Acknowledged, Device
from simulator.flash_chip import files_of
from simulator.fleet import Freezable, make_world, wire
from simulator.regions import EU868, REGIONS
from simulator.scratch import Scratch

MOST = 100  # frames, one in each exchange: more would take the node longer than its link lasts
_F_CNT_DOWN, _RX1_DELAY_S = 5, 15  # keys of its session record: firmware/lora/session.py
_OFFSET, _RX2_DATA_RATE, _DEV_ADDR = 12, 13, 0
_NEAR_M, _POWER_DBM = 50.0, 14.0
_HOUR_US = 3_600_000_000
_PATIENCE_H = 48
_TRIES = 3
_JUDGED_US = 3_000_000  # after the end of a frame: both windows are over, and the flash is written
_SYNC_WORD = 0x34
_DEV_STATUS_REQ = b"\x06"


@dataclass
class Shot:
    """One frame that was sent into a window; `taken`: the counter of the node says so."""

    kind: str  # captured, forged, fresh
    phy: str
    why: str  # it has to be refused, as our own codec sees it; empty for a fresh one
    heard: bool = False
    taken: bool = False


@dataclass
class Result:
    """What became of the frames; the counters are FCntDown of the node, -1: none was heard yet."""

    name: str
    f_cnt_down: int
    f_cnt_down_after: int = -1  # before the fresh one was sent
    left_out: int = 0
    shots: list[Shot] = field(default_factory=list)

    def problem(self) -> str:
        """What must not be, "" when all is as it has to be."""
        for shot in self.shots:
            if not shot.heard:
                return f"{self.name} did not hear a {shot.kind} frame: {shot.phy}"
            if shot.taken and shot.kind != "fresh":
                return f"{self.name} took a {shot.kind} frame: {shot.phy}"
        fresh = self.of("fresh")
        return "" if fresh and fresh[0].taken else f"{self.name} refused a frame that is new"

    def of(self, kind: str) -> list[Shot]:
        """The shots of one kind."""
        return [each for each in self.shots if each.kind == kind]


class NodeTrial:
    """The node of a run, by its row of devices.json and its flash, of which a copy is used.

    First come the frames of the capture, then forged ones, at last one that is genuine and new.
    HostError: the node cannot be what it was.
    """

    def __init__(
        self,
        device: dict[str, Any],
        flash: Path,
        frames: Iterable[Downlink],
        on_progress: Callable[[float], None] = lambda share: None,
    ):
        self._row = device
        self._device = Device.restore(device)
        self._region = REGIONS.get(device.get("region", ""), EU868)
        rows, kits = boards.boards(), boards.kits()
        if device.get("board") not in rows or device.get("kit") not in kits:
            step = "take the devices.json of a run of this version"
            raise HostError(f"nothing says what '{self._device.name}' is made of", step)
        self._hardware, self._kit = rows[device["board"]], kits[device["kit"]]
        self._image, self._on_progress = flash.read_bytes(), on_progress
        record = self._record(self._image)
        self._session = next(
            (each for each in self._device.sessions if each.dev_addr == record.get(_DEV_ADDR)), None
        )
        if self._session is None:
            step = "take the capture of the run in which it joined"
            raise HostError(
                f"no session of '{self._device.name}' is both here and in its flash", step
            )
        self._settings = Acknowledged(
            self._region, record[_RX1_DELAY_S], record[_OFFSET], record[_RX2_DATA_RATE]
        )
        self.result = Result(self._device.name, record[_F_CNT_DOWN])
        found = list(dict.fromkeys(frame.phy for frame in frames))
        shots = [Shot("captured", phy.hex(), self._why(phy)) for phy in found]
        # one that never reached the node is new to it still, and right
        self._waiting = [shot for shot in shots if shot.why][-MOST:]
        self.result.left_out = len(shots) - len(self._waiting)
        self._waiting += self._forged(self._session, found[-1:])
        self._clock = Clock()
        self._tries = 0

    def run(self) -> Result:
        """Send them all, one after each uplink of the node. HostError: it fell silent."""
        with Scratch() as folder:
            flash = folder / "flash"
            flash.touch(0o600)
            flash.write_bytes(self._image)
            with (folder / "log").open("wb") as log:
                self._play(flash, log)
        return self.result

    def _play(self, flash: Path, log: Any) -> None:
        name, seed = self._device.name, 71
        board = Board(name, self._hardware.chip, flash, log, self._clock, seed)
        air = Air(self._clock, seed)
        station, self._sender = air.station(name, Place(0, 0)), air.station("x", Place(_NEAR_M, 0))
        usual = scenarios.find(self._kit.name)
        world = Freezable(make_world(usual.worlds[0], usual))
        plan = replace(usual.nodes[0], name=name)
        self._radio, _ = wire(board, self._hardware, self._kit, world, station, usual, plan)
        self._flash = flash
        air.on_transmit.append(self._on_transmit)
        everything = len(self._waiting) + 1
        board.power_on()
        try:
            for hour in range(1, _PATIENCE_H + 1):
                schedule.run([board], self._clock, hour * _HOUR_US)
                self._on_progress(min(len(self.result.shots) / everything, 1.0))
                if self.result.of("fresh"):
                    return
        finally:
            board.power_off()
        step = "its log is in the folder of its run; does it measure and send?"
        raise HostError(f"'{name}' sent too little to try all frames", step)

    # One exchange.

    def _on_transmit(self, packet: Transmission) -> None:
        if packet.sender == self._device.name and packet.payload[0] in (0x40, 0x80):
            self._clock.call_at(packet.end_us, self._answer, packet)

    def _answer(self, uplink: Transmission) -> None:
        """An uplink has ended: put the next frame into its first window."""
        if self.result.of("fresh"):
            return
        data_rate = self._region.uplink_rate(uplink.sf, uplink.bw_hz)
        channel_hz = round(uplink.freq_hz, -5)  # no crystal is exact
        window = self._settings.window(1, channel_hz, 0 if data_rate is None else data_rate)
        shot = self._waiting[0] if self._waiting else self._fresh()
        sf, bw_hz = self._region.downlink_rates[window.data_rate]
        self._clock.call_at(
            self._clock.now_us + window.delay_us, self._shoot, shot, window.freq_hz, sf, bw_hz
        )

    def _shoot(self, shot: Shot, freq_hz: int, sf: int, bw_hz: int) -> None:
        phy, now_us = bytes.fromhex(shot.phy), self._clock.now_us
        end_us = now_us + time_on_air_us(len(phy), sf, bw_hz, crc=False)
        packet = Transmission(
            now_us, end_us, freq_hz, sf, bw_hz, 5, 8, False, False, True, _SYNC_WORD, _POWER_DBM,
            phy, "x",
        )  # fmt: skip
        self._clock.call_at(end_us + _JUDGED_US, self._judge, shot)
        self._sender.transmit(packet)
        self._clock.call_at(end_us + 1, self._look, shot, phy)

    def _look(self, shot: Shot, phy: bytes) -> None:
        """Whether the frame is in the radio, just now."""
        registers = self._radio.registers
        at = registers[reg.FIFO_RX_CURRENT]
        held = bytes(self._radio.fifo[(at + step) & 0xFF] for step in range(len(phy)))
        shot.heard = bool(registers[reg.IRQ_FLAGS] & reg.RX_DONE) and held == phy

    def _judge(self, shot: Shot) -> None:
        """Note what the counter of the node says; what its radio did not hear goes once more."""
        self._tries += 1
        if not shot.heard and self._tries < _TRIES:
            return
        self._tries = 0
        now = self._record(self._flash.read_bytes()).get(_F_CNT_DOWN, -1)
        shot.taken = now != self._f_cnt_down()
        if shot.kind == "fresh":
            self.result.shots.append(shot)
            return
        self.result.f_cnt_down_after = now
        self.result.shots.append(shot)
        self._waiting.pop(0)

    def _f_cnt_down(self) -> int:
        return self.result.f_cnt_down_after if self.result.shots else self.result.f_cnt_down

    def _record(self, image: bytes) -> dict[int, Any]:
        """The session in a flash image, as the node keeps it."""
        files = files_of(image)
        found = State({f"/{path}": data for path, data in files.items()}).load("session")
        return dict(enumerate(found)) if isinstance(found, list) else dict(found or {})

    # The frames.

    def _why(self, phy: bytes) -> str:
        """Why the node has to refuse a frame, by our own codec."""
        with suppress(LorawanError):
            open_join_accept(phy, self._device.app_key)
            return "a join-accept, and it asks for none"
        try:
            frame = parse(phy)
        except LorawanError as error:
            return str(error)
        assert self._session is not None
        if not isinstance(frame, DataFrame) or not frame.downlink:
            return "not a downlink"
        if frame.dev_addr != self._session.dev_addr:
            return f"for DevAddr {frame.dev_addr:08x}, or of a session before"
        for f_cnt in range(frame.f_cnt, self.result.f_cnt_down + 1, 0x10000):
            if self._session.mic_ok(phy, frame, f_cnt):
                return f"counter {f_cnt} was there before: the node is at {self.result.f_cnt_down}"
        f_cnt = next_counter(self.result.f_cnt_down, frame.f_cnt)
        if self._session.mic_ok(phy, frame, f_cnt):
            return ""  # the node never heard it: it may still come
        return "the MIC is wrong"

    def _forged(self, session: Session, captured: list[bytes]) -> list[Shot]:
        """A next frame with a MIC of somebody who has no key, and with one bit turned."""
        genuine = session.seal(self._next(session))
        mic = captured[0][-4:] if captured else bytes(4)
        turned = genuine[:8] + bytes((genuine[8] ^ 1,)) + genuine[9:]
        raised = genuine[:6] + ((genuine[6] + 1) & 0xFF).to_bytes(1, "little") + genuine[7:]
        return [
            Shot("forged", phy.hex(), "the MIC is wrong")
            for phy in (genuine[:-4] + mic, turned, raised)
        ]

    def _fresh(self) -> Shot:
        assert self._session is not None
        return Shot("fresh", self._session.seal(self._next(self._session)).hex(), "")

    def _next(self, session: Session) -> DataFrame:
        """What a network would send next: it asks for the state of the battery."""
        f_cnt = self._f_cnt_down() + 1
        return DataFrame(MType.UNCONFIRMED_DOWN, session.dev_addr, 0, f_cnt, _DEV_STATUS_REQ)
