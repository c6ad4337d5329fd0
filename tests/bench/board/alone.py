# SPDX-License-Identifier: MIT
"""A virtual board without a host: its pipe ends in this process, at a radio and a CO2 sensor.

Arguments as boot.py's, then a JSON file: the board, its session, and three numbers of uplinks: to
warm up, to look at the heap after (at either end), and all. Prints a line of JSON.
"""

import array
import gc
import json
import struct
import sys

import _wire

_FOREVER = 1 << 62
_RX_US = 60000  # how long a downlink takes
_CHIP_VERSION, _TX, _RX_SINGLE = 0x12, 0x83, 0x86
_RX_TIMEOUT, _RX_DONE, _TX_DONE = 0x80, 0x50, 0x08
_OP_MODE, _IRQ_FLAGS, _RX_BYTES = 0x01, 0x12, 0x13
_LINK_CHECK, _DEVICE_TIME = 0x02, 0x0D
_LINK_ADR = b"\x03\x50\x07\x00\x01"  # DR5, full power, the three default channels, NbTrans 1
_SCD4X_READY = b"\xe4\xb8"


class Network:
    """Answers in RX1 what a node asks in FOpts, and an ADRACKReq."""

    def __init__(self, dev_addr, nwk_skey):
        self._dev_addr, self._nwk_skey, self._f_cnt = dev_addr, nwk_skey, -1

    def answer(self, phy):
        """The downlink to an uplink, None when it asked for nothing."""
        from lora import crypto, frame  # the board's own, once its flash is mounted

        up, f_opts = frame.parse(phy), b""
        if _LINK_CHECK in up.f_opts:
            f_opts += bytes((_LINK_CHECK, 12, 1))
        if _DEVICE_TIME in up.f_opts:
            f_opts += bytes((_DEVICE_TIME, 0, 0, 0, 80, 0))
        if self._f_cnt < 0 and f_opts:
            f_opts += _LINK_ADR
        if not f_opts and not up.f_ctrl & frame.ADR_ACK_REQ:
            return None
        self._f_cnt += 1
        fields = (3, self._dev_addr, 0, self._f_cnt & 0xFFFF, f_opts, None, b"", bytes(4))
        body = frame.build(frame.DataFrame(*fields))[:-4]
        return body + crypto.mic(self._nwk_skey, self._dev_addr, self._f_cnt, True, body)


class Radio:
    """As much of an SX1276 as an exchange needs; `due_us` is when its flags come, with an edge."""

    def __init__(self, network, on_uplink):
        self._network, self._on_uplink = network, on_uplink
        self._registers = bytearray(0x80)
        self._registers[0x42] = _CHIP_VERSION
        self._fifo, self._answer, self._flags = b"", None, 0
        self.due_us = None

    def transfer(self, data, now_us):
        address, reply = data[0] & 0x7F, bytearray(len(data))
        if not data[0] & 0x80:
            reply[1:] = (self._registers[address:] if address else self._fifo)[: len(data) - 1]
        elif address == 0:
            self._fifo = bytes(data[1:])
        else:
            for offset in range(len(data) - 1):
                self._write(address + offset, data[1 + offset], now_us)
        return reply

    def end(self):
        """What was under way ends now."""
        self._registers[_IRQ_FLAGS] |= self._flags
        self.due_us = None

    def _write(self, address, value, now_us):
        if address == _IRQ_FLAGS:
            self._registers[address] &= ~value
        else:
            self._registers[address] = value
        if address == _OP_MODE and value == _TX:
            from lora import airtime

            self.due_us, self._flags = (
                now_us + airtime.time_on_air_us(len(self._fifo), 7, 125000),
                _TX_DONE,
            )
            self._answer = self._network.answer(self._fifo)
            self._on_uplink()
        elif address == _OP_MODE and value == _RX_SINGLE and self._answer:
            self._fifo, self._answer = self._answer, None
            self._registers[_RX_BYTES] = len(self._fifo)
            self.due_us, self._flags = now_us + _RX_US, _RX_DONE
        elif address == _OP_MODE and value == _RX_SINGLE:
            self._registers[_IRQ_FLAGS] |= _RX_TIMEOUT


class Host:
    """The other end of the pipe, as `_wire` writes to it and reads from it."""

    def __init__(self, board, dev_addr, nwk_skey, warm, window, cycles):
        self._board, self._warm, self._window, self._cycles = board, warm, window, cycles
        self._uplinks = 0
        self._radio = Radio(Network(dev_addr, bytes.fromhex(nwk_skey)), self._count)
        self._command = self._answer = b""
        self._erases = array.array("H", [0] * board["blocks"])
        self._programs = 0
        self._heap = [[], []]  # the least and the most at the beginning, and at the end

    def write(self, request):
        op, now_us, posted, _ = struct.unpack_from("<BQHH", request)
        at = 13
        for _ in range(posted):
            kind, number = struct.unpack_from("<BH", request, at)
            self._erases[number] += kind == _wire.POST_ERASE
            self._programs += kind == _wire.POST_PROGRAM
            at += 12
        reply = self._serve(op, request[at:], now_us)
        edges, due_us = b"", self._radio.due_us
        if op == _wire.OP_WAIT:
            now_us = min(struct.unpack_from("<Q", request, at)[0], due_us or _FOREVER)
        if due_us is not None and due_us <= now_us:
            self._radio.end()
            edges, due_us = struct.pack("<BBQ", self._board["dio0"], 1, now_us), None
        head = struct.pack("<QQHH", now_us, due_us or _FOREVER, 1 if edges else 0, len(reply))
        self._answer = head + edges + reply

    def readinto(self, buffer):
        count = len(buffer)
        buffer[:] = self._answer[:count]
        self._answer = self._answer[count:]
        return count

    def _serve(self, op, body, now_us):
        if op == _wire.OP_BOOT:
            return json.dumps(self._board).encode()
        if op == _wire.OP_SPI:
            return self._radio.transfer(body[1:], now_us)
        if op == _wire.OP_I2C_WRITE:
            self._command = bytes(body[2:])
            return b"\1"
        if op == _wire.OP_I2C_READ:
            return b"\1" + self._measured()[: body[2]]
        if op == _wire.OP_PIN_GET:
            return b"\1"  # nobody holds the service button
        if op == _wire.OP_EXIT:
            self._end(now_us, bytes(body).decode())
        return b""

    def _measured(self):
        """What an SCD4x answers: ready, or words of ppm, temperature and humidity."""
        from drivers.sensirion import crc8

        found = b""
        ready = self._command == _SCD4X_READY
        for word in (0x8006,) if ready else (400 + self._uplinks % 400, 24600, 29500):
            word = struct.pack(">H", word)
            found += word + bytes((crc8(word),))
        return found

    def _count(self):
        """An uplink has left."""
        self._uplinks += 1
        if self._warm < self._uplinks <= self._warm + self._window:
            self._look(self._heap[0])
        elif self._uplinks > self._cycles - self._window:
            self._look(self._heap[1])
        if self._uplinks == self._cycles:
            self._end(_wire.now_us, None)

    def _look(self, bounds):
        gc.collect()
        used = gc.mem_alloc()
        bounds[:] = (min(bounds[0], used), max(bounds[1], used)) if bounds else (used, used)

    def _end(self, now_us, reason):
        result = {
            "ended_by": reason,
            "uplinks": self._uplinks,
            "heap": self._heap,
            "seconds": now_us // 1000000,
            "erases": list(self._erases),
            "programs": self._programs,
            "modules": sorted(sys.modules),
        }
        print(json.dumps(result))
        raise SystemExit


with open(sys.argv[4]) as file:
    arguments = json.load(file)
host = Host(**arguments)
connect = _wire.connect
pipe = []  # what boot.py opens in vain


def connect_here(reader, writer):
    pipe.extend((reader, writer))
    connect(host, host)


_wire.connect = connect_here
import boot  # noqa: E402, F401  (it runs at import)
