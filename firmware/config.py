# SPDX-License-Identifier: MIT
"""What provisioning wrote, checked before anything is sent."""

import hashlib

import cbor

_VERSION = 1
# name, type, and for bytes the length: without these a node stays off the air.
_REQUIRED = (
    ("name", str, 0),
    ("chip", str, 0),
    ("region", str, 0),
    ("dev_eui", bytes, 8),
    ("join_eui", bytes, 8),
    ("app_key", bytes, 16),
    ("interval_s", int, 0),
    ("latency_ms", int, 0),
    ("clock_error_ppm", int, 0),
    ("radio", dict, 0),
    ("sensors", list, 0),
)


class ConfigError(ValueError):
    """The config is missing or cannot be right; the text says which part."""


def load(store):
    """The config map with string keys, checked. ConfigError: provision the board again."""
    values = store.load("config")
    if values is None:
        raise ConfigError("no config on this board")
    if not isinstance(values, dict) or values.get("v") != _VERSION:
        raise ConfigError("config of another version")
    for name, kind, length in _REQUIRED:
        value = values.get(name)
        if not isinstance(value, kind):
            raise ConfigError("config lacks " + name)
        if isinstance(value, bytes) and len(value) != length:
            raise ConfigError("config {} has {} bytes, not {}".format(name, len(value), length))
    if values["app_key"] == bytes(16):
        raise ConfigError("config app_key is all zeros")
    return values


def digest(values):
    """Two bytes that tell one config from another, for the status frame."""
    return hashlib.sha256(cbor.encode(values)).digest()[:2]
