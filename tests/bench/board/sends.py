# SPDX-License-Identifier: MIT
"""Stands in for main.py: 23 bytes sent again and again by the driver alone, ten seconds apart."""

import time

import config
import hardware
from store import Store

FREQS_HZ = (868100000, 868300000, 868500000)

radio = hardware.radio(config.load(Store()))
radio.begin()
for number in range(6):
    time.sleep(10)
    radio.transmit(bytes(23), 23, FREQS_HZ[number % 3], 7, 125000, 14)
    while not radio.flag:
        time.sleep_ms(1)
    radio.sleep()
