# SPDX-License-Identifier: MIT
"""Frames a second from a capture to a network server over UDP on loopback, each acknowledged."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from table import Row, at_least

from host.captures import Uplink
from simulator.udp_replay import UdpReplay

BURST, RATE, STEADY_S = 50_000, 2_000, 60
START = datetime(2026, 11, 23, tzinfo=UTC)
PHY = bytes.fromhex("40341201260007000180477f7b19781660ea")


def frames(count):
    """Uplinks of one gateway, RATE of them a second."""
    return [
        Uplink(
            START + timedelta(seconds=number / RATE), "0710710000000000",
            PHY[:-4] + number.to_bytes(4, "big"), 868_100_000, 7, 125_000, -100.0, 7.5,
        )
        for number in range(count)
    ]  # fmt: skip


@contextmanager
def server():
    """The port of a process that acknowledges what comes, until the line that it reads ends."""
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def rows():
    """Two rows: as fast as it is acknowledged, and steadily at the rate of a busy region."""
    with server() as port:
        burst = UdpReplay(frames(BURST), "127.0.0.1", port).run()
        steady = UdpReplay(frames(RATE * STEADY_S), "127.0.0.1", port, speed=1.0).run()
    rate = burst.acknowledged / burst.seconds
    yield Row(
        f"replay to a network server over UDP, loopback, {BURST:,} frames as fast as acknowledged",
        f"{rate:,.0f} a second, {burst.lost} lost, {burst.repeated} repeated",
        f"{RATE:,} a second",
        "-",
        at_least(rate, RATE, " frames/s"),
    )
    yield Row(
        f"the same, {RATE:,} a second for {STEADY_S} s",
        f"{steady.acknowledged:,} of {steady.frames:,} acknowledged in {steady.seconds:.1f} s, "
        f"{steady.repeated} repeated",
        "none lost by us",
        "-",
        "met" if steady.acknowledged == steady.frames else f"missed by {steady.lost} frames",
    )


def serve():
    """Say the port, then acknowledge each PUSH_DATA and PULL_DATA."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        print(opened.getsockname()[1], flush=True)
        while True:
            datagram, place = opened.recvfrom(65536)
            kind = b"\x01" if datagram[3] == 0 else b"\x04"
            opened.sendto(datagram[:3] + kind, place)


if __name__ == "__main__":
    serve()
