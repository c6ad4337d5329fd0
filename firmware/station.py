# SPDX-License-Identifier: MIT
"""The radio of a node with what speaks through it, as its config describes them."""

from micropython import const

from lora import mac, region
from lora.link import Link
from passing import passing
from power import random_below

_ANTENNA_GAIN_DB = const(2)  # a dipole's 2.15 dBi


def build(config, power):
    """Return (radio, link, MAC): the radio is not yet reset, the MAC has no session."""
    radio = passing("hardware").radio(config)
    gain_db = config.get("antenna_gain_db", _ANTENNA_GAIN_DB)
    link = Link(radio, power, config["latency_ms"], config["clock_error_ppm"], gain_db)
    identity = config["dev_eui"], config["join_eui"], config.get("app_key")
    machine = mac.Mac(region.find(config["region"]), *identity, random_below)
    machine.weakest_dbm = link.weakest_dbm
    return radio, link, machine
