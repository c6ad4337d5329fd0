# SPDX-License-Identifier: MIT
"""Joining: nonces in flash before they leave, and what ends all hope."""

import network
import ramdisk
from joining import Joining
from lora import crypto, mac
from store import Counter, Store

ACCEPT = (
    "20af242b1b6718190f020b67fc9e74bf04"  # pamoja-lorawan, lora-packet: JoinNonce 1, DevNonce 1
)


class Node:
    def __init__(self, store=None):
        self.store = store or Store(ramdisk.fresh(8) + "/state")
        self.mac, self.lines = network.device(), []
        self.joining = Joining(self.store, self.mac, self.log)

    def log(self, *words):
        self.lines.append(" ".join([str(word) for word in words]))

    def again(self):
        """The same after a reset."""
        return Node(Store("/ram/state"))

    def exchange(self, now_ms, phy=None):
        """Send the prepared request; RX1 brings phy, or nothing comes."""
        action, _ = network.transmit(self.mac, now_ms)
        if phy is None:
            self.mac.step(mac.SILENT, now_ms + 6000)
            self.mac.step(mac.SILENT, now_ms + 7000)
        else:
            self.mac.step(mac.HEARD, now_ms + 6000, phy)
            if not self.mac.joined:
                self.mac.step(mac.SILENT, now_ms + 7000)
        return int.from_bytes(action.phy[17:19], "little")


def accept(join_nonce):
    """A join-accept, encrypted as the network does: with AES in decrypt mode."""
    body = b"\x20" + join_nonce.to_bytes(3, "little") + bytes.fromhex("130000341201260001")
    plain = body[1:] + crypto.cmac(network.APP_KEY, body)[:4]
    from cryptolib import aes

    return b"\x20" + aes(network.APP_KEY, 1).decrypt(plain)


def test_the_nonce_is_in_flash_before_the_request_leaves():
    node = Node()
    assert node.joining.prepare(10)
    assert node.again().store.load("dev_nonce") == 1
    assert node.joining.wait_s(10) == 0 and node.joining.prepare(11)  # waits for the air
    assert node.exchange(11000) == 0 and not node.joining.end()
    assert node.joining.wait_s(20) > 0


def test_a_join_keeps_its_nonce_and_begins_the_back_off_anew():
    node = Node()
    Counter(node.store, "dev_nonce").next()
    node.joining.prepare(10)
    node.exchange(10000, bytes.fromhex(ACCEPT))
    assert node.joining.end() and node.mac.session.dev_addr == network.DEV_ADDR
    assert node.joining.tries_now == 1
    assert node.store.load("join_nonce") == 1 and node.store.load("joins")[0] == 0


def test_after_a_join_the_next_one_begins_at_once():
    node, now_s = Node(), 20
    for _ in range(3):
        now_s += node.joining.wait_s(now_s)
        node.joining.prepare(now_s)
        node.exchange(now_s * 1000)
        node.joining.end()
    now_s += node.joining.wait_s(now_s)
    node.joining.prepare(now_s)
    node.exchange(now_s * 1000, accept(0))
    assert node.joining.end() and node.joining.tries_now == 4
    assert node.joining.wait_s(now_s) < 5
    node.mac.session = None
    node.joining.prepare(now_s + 5)
    assert node.joining.tries_now == 1


def test_the_tries_are_in_flash_before_the_request_leaves():
    node = Node()
    for tries in (1, 2, 3):
        node.joining.prepare(4000)
        again = node.again()
        assert 15 <= again.joining.wait_s(0) < 30
        assert again.joining.tries_now == tries
        node = again


def test_a_replayed_accept_with_join_nonce_0_is_dropped_after_a_reset():
    node = Node()
    node.joining.prepare(10)
    node.exchange(10000, accept(0))
    assert node.joining.end()
    again = node.again()
    again.joining.prepare(100)
    again.exchange(100000, accept(0))
    assert not again.joining.end() and again.mac.session is None
    assert again.joining.registered_anew and "registered anew" in again.lines[0]
    again.joining.prepare(300)
    again.exchange(300000, accept(1))
    assert again.joining.end() and not again.joining.registered_anew


def test_used_up_nonces_end_the_tries_without_a_write():
    node = Node()
    node.store.save("dev_nonce", 0xFFFF)
    assert node.joining.prepare(10)
    assert node.exchange(10000) == 0xFFFF
    node.joining.end()
    last = node.again()
    before = ramdisk.contents("/ram/state")
    for now_s in (100, 4000, 8000):
        assert not last.joining.prepare(now_s)
    assert last.joining.keys_used_up and not last.joining.prepared
    assert ramdisk.contents("/ram/state") == before


def test_the_back_off_goes_on_through_deep_sleep_as_if_there_were_none():
    node, now_s, tries = Node(), 50, 0
    while now_s < 12 * 3600:  # from here on an hour passes between two tries
        now_s += node.joining.wait_s(now_s)
        node.joining.prepare(now_s)
        node.exchange(now_s * 1000)
        node.joining.end()
        tries += 1
    due_s = now_s + node.joining.wait_s(now_s)
    assert due_s > now_s + 3600
    for slept_s in (300, 700, 1100):
        now_s += 100
        woken = Node(node.store)
        woken.joining.resume(node.joining.record(now_s))
        now_s += slept_s
        assert now_s + woken.joining.wait_s(now_s) == due_s
        assert woken.joining.tries_now == tries
        node = woken
