# SPDX-License-Identifier: MIT
"""What goes wrong between a network and a node of it: each holds something else to be true."""

from collections.abc import Callable
from dataclasses import replace

from simulator.network import Network, Registered

_Undo = Callable[[], None]


def disagree(network: Network, dev_eui: bytes, setting: str, value: int | None) -> _Undo:
    """Have the network hold another value than the node does; returns how they agree again.

    app_key, join_eui, dev_eui: a digit was mistyped. session: the network has lost all of them.
    dev_nonce, f_cnt: it counts on from this value. The rest: of the session there is, until the
    next join tells the node.
    """
    entry = network.registered(dev_eui)
    if setting in ("app_key", "join_eui", "dev_eui"):
        return _mistype(entry, setting)
    if setting == "session":
        network.forget(entry)
    elif setting == "dev_nonce" and value is not None:
        entry.dev_nonce = value
    elif entry.links and value is not None:
        link = entry.links[-1]
        if setting != "f_cnt":
            before = getattr(link.state, setting)
            setattr(link.state, setting, value)
            return lambda: setattr(link.state, setting, before)
        link.f_cnt_up = value
    return lambda: None


def _mistype(entry: Registered, setting: str) -> _Undo:
    right = getattr(entry.device, setting)
    entry.device = replace(entry.device, **{setting: right[:-1] + bytes((right[-1] ^ 0x01,))})

    def correct() -> None:
        entry.device = replace(entry.device, **{setting: right})

    return correct
