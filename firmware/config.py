# SPDX-License-Identifier: MIT
"""What provisioning wrote, checked before anything is sent.

A node has an AppKey to join with (OTAA), or a DevAddr and session keys of its own (ABP).
"""

import hashlib

from micropython import const

import cbor

_VERSION = const(1)
# name, type, and for bytes the length: without these a node stays off the air.
_REQUIRED = (
    ("name", str, 0),
    ("chip", str, 0),
    ("region", str, 0),
    ("dev_eui", bytes, 8),
    ("join_eui", bytes, 8),
    ("interval_s", int, 0),
    ("latency_ms", int, 0),
    ("clock_error_ppm", int, 0),
    ("radio", dict, 0),
    ("sensors", list, 0),
)
_TO_JOIN = (("app_key", bytes, 16),)
_PERSONALISED = (("dev_addr", int, 0), ("nwk_skey", bytes, 16), ("app_skey", bytes, 16))


class ConfigError(ValueError):
    """The config is missing or cannot be right; the text says which part."""


def load(store):
    """The config map with string keys, checked. ConfigError: provision the board again."""
    values = store.load("config")
    if values is None:
        raise ConfigError("no config on this board")
    if not isinstance(values, dict) or values.get("v") != _VERSION:
        raise ConfigError("config of another version")
    keys = _PERSONALISED if "dev_addr" in values else _TO_JOIN
    for name, kind, length in _REQUIRED + keys:
        value = values.get(name)
        if not isinstance(value, kind):
            raise ConfigError("config lacks " + name)
        if isinstance(value, bytes) and len(value) != length:
            raise ConfigError("config {} has {} bytes, not {}".format(name, len(value), length))
        if name.endswith("key") and value == bytes(16):
            raise ConfigError("config {} is all zeros".format(name))
    return values


def digest(values):
    """Two bytes that tell one config from another, for the status frame."""
    return hashlib.sha256(cbor.encode(values)).digest()[:2]
