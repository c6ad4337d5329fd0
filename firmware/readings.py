# SPDX-License-Identifier: MIT
"""What the numbers on the air mean: pure data, which the host reads as well.

A key once given never changes. After a change: `make docs`.
"""

# FPort 1 up: key, name, unit, steps per unit, lowest and highest on the wire, in order of priority.
QUANTITIES = (
    (0, "age", "s", 1, 0, 0xFFFFFFFF),
    (1, "co2", "ppm", 1, 0, 40000),
    (2, "temperature", "degC", 10, -550, 1250),
    (3, "humidity", "%", 1, 0, 100),
    (4, "distance", "mm", 1, 0, 20000),
    (5, "fill", "%", 1, 0, 100),
    (6, "level", "mm", 1, -20000, 20000),
    (7, "count", "", 1, 0, 65535),
    (8, "occupied", "", 1, 0, 1),
    (9, "battery", "V", 100, 0, 3000),
    (10, "pressure", "hPa", 10, 3000, 11000),
    (11, "count_back", "", 1, 0, 65535),
    (12, "occupancy", "%", 1, 0, 100),
    (13, "temperature_2", "degC", 10, -550, 1250),
    (-1, "faults", "", 1, 0, 0xFFFFFF),
    (-2, "restart", "", 1, 1, 7),
    (-3, "number", "", 1, 0, 65535),
    (-4, "flags", "", 1, 0, 31),
)

RESTARTS = (
    (1, "power-on"),
    (2, "watchdog"),
    (3, "crash"),
    (4, "link lost"),
    (5, "asked"),
    (6, "config lost"),
    (7, "safe mode"),
)
FLAGS = ("warming", "needs airing", "noisy", "not temperature-compensated", "calibration due")

# FPort 2 down: key, name, unit on the wire (or action), lowest, highest (of each part).
SETTINGS = (
    (0, "sequence", "", 0, 65535),
    (1, "interval", "s", 60, 86400),
    (2, "restart", "action", 1, 1),
    (3, "status", "action", 1, 1),
    (4, "lamp", "", 0, 2),
    (5, "calibrate_co2", "ppm", 400, 2000),
    (6, "marks", "mm", 0, 20000),
    (7, "altitude", "m", 0, 3000),
    (8, "temperature_offset", "0.1 degC", 0, 200),
    (9, "self_calibration", "", 0, 1),
    (10, "airtime_budget", "s/day", 1, 86400),
    (11, "light", "ppm", 400, 40000),
    (12, "proof_interval", "h", 1, 168),
)
SETTING_PARTS = {6: ("empty", "full", "level"), 11: ("orange", "red")}  # settings that are a list
SETTING_CODES = (
    (0, "done"),
    (1, "unknown key"),
    (2, "range"),
    (3, "no such sensor"),
    (4, "busy"),
    (5, "failed"),
)

# FPort 3 up: key, name, unit, steps per unit.
STATUS = (
    (0, "firmware_version", "", 1),
    (1, "config_digest", "", 1),
    (2, "uptime", "h", 1),
    (3, "restart", "", 1),
    (4, "readings_waiting", "", 1),
    (5, "readings_dropped", "", 1),
    (6, "waits_for", "", 1),
    (7, "waits", "s", 1),
    (8, "battery", "V", 100),
    (9, "last_rssi", "dBm", 1),
    (10, "last_snr", "dB", 1),
    (11, "free_heap", "kB", 1),
    (12, "crashes", "", 1),
    (13, "join_tries", "", 1),
)
RULES = (
    "none",
    "duty cycle",
    "fair use",
    "join back-off",
    "no answer",
    "network's duty cycle",
    "repetition",
    "radio silent",
    "new keys",
)

# The LED of the board: how often it blinks between two pauses, name, what it means, what to do.
LEDS = (
    (
        1,
        "no network",
        "not joined yet, or no answer for hours",
        "wait, it goes on trying; is a gateway in reach?",
    ),
    (2, "radio silent", "the radio does not answer", "check its wires and its power"),
    (3, "not provisioned", "no config, or one that cannot be right", "provision the board"),
    (
        4,
        "registered anew",
        "the network counts its joins from the start again",
        "new keys, on the node and on the network",
    ),
    (
        5,
        "keys used up",
        "all 65,536 join-requests of these keys are used",
        "new keys, on the node and on the network",
    ),
    (
        6,
        "safe mode",
        "it failed three times within minutes: radio and settings only",
        "read its console; after 6 hours, or a restart by downlink, it tries the whole again",
    ),
    (
        7,
        "no mark",
        "the service button was held, and the distance is none that can be a mark",
        "is the sensor wired, and does it see the floor or the water? then hold it once more",
    ),
)
