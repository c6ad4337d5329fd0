# SPDX-License-Identifier: MIT
"""The air: path loss, noise, capture, and whose numbers depend on what."""

from dataclasses import replace
from math import log10
from random import Random

import pytest

from simulator.air import Air, Place, Transmission
from simulator.clock import Clock
from simulator.interference import ISOLATIONS
from simulator.propagation import noise_floor_dbm

PACKET = Transmission(
    0, 50_000, 868_100_000, 7, 125_000, 5, 8, True, False, False, 0x34, 14.0, b"packet", "node",
)  # fmt: skip


class Ear:
    def __init__(self):
        self.signals = []

    def arrive(self, signal):
        self.signals.append(signal)


class World:
    """An air with stations by name; `ears` have what each was told."""

    def __init__(self, seed=1, **places):
        self.clock, self.ears = Clock(), {}
        self.air = Air(self.clock, seed)
        self.stations = {name: self.air.station(name, Place(*at)) for name, at in places.items()}
        for name, station in self.stations.items():
            station.listener = self.ears[name] = Ear()

    def send(self, name, at_us=None, **changes):
        self.clock.run_until(self.clock.now_us if at_us is None else at_us)
        length_us = PACKET.end_us - PACKET.start_us
        begin = self.clock.now_us
        packet = replace(PACKET, start_us=begin, end_us=begin + length_us, sender=name)
        self.stations[name].transmit(replace(packet, **changes))

    def heard(self, name):
        """What a station has been told last."""
        return self.ears[name].signals[-1]


def loss_db(km):
    """Petäjäjärvi and others, 2015: 868 MHz in Oulu."""
    return 128.95 + 23.2 * log10(km)


@pytest.mark.parametrize("metres", [10, 100, 800, 3000, 15000])
def test_the_loss_is_that_of_oulu(metres):
    world = World(node=(0, 0), gateway=(0.6 * metres, 0.8 * metres))
    for _ in range(400):
        world.send("node", start_us=world.clock.now_us)
    strengths = [signal.rssi_dbm for signal in world.ears["gateway"].signals]
    mean = sum(strengths) / 400
    # 14 dBm, two dipoles of 2.15 dBi; the fading of 1 dB has a mean error of 0.05
    assert mean == pytest.approx(14 + 4.3 - loss_db(metres / 1000), abs=0.2)
    deviation = (sum((each - mean) ** 2 for each in strengths) / 399) ** 0.5
    assert deviation == pytest.approx(1.0, abs=0.15)
    assert len(world.ears["node"].signals) == 0  # nobody hears itself


def test_nothing_is_nearer_than_ten_metres():
    assert Place(0, 0).distance_km(Place(1, 1)) == 0.01


@pytest.mark.parametrize(
    ("bw_hz", "floor_dbm"), [(125_000, -117.03), (250_000, -114.02), (500_000, -111.01)]
)
def test_the_noise_floor(bw_hz, floor_dbm):
    assert noise_floor_dbm(bw_hz) == pytest.approx(floor_dbm, abs=0.005)  # -174 + 10 lg BW + 6


@pytest.mark.parametrize(("bw_hz", "less_db"), [(125_000, 0.0), (250_000, 3.01), (500_000, 6.02)])
def test_the_snr_is_the_strength_above_the_floor(bw_hz, less_db):
    world = World(node=(0, 0), gateway=(1500, 0))
    world.send("node", bw_hz=bw_hz)
    signal = world.heard("gateway")
    assert signal.snr_db == pytest.approx(signal.rssi_dbm + 117.03 - less_db, abs=0.01)
    assert -25 < signal.snr_db < 12


@pytest.mark.parametrize(("metres", "snr_db"), [(50, 12.0), (60_000, -25.0)])
def test_the_snr_has_ends_and_the_strength_has_none(metres, snr_db):
    world = World(node=(0, 0), gateway=(metres, 0))
    world.send("node")
    signal = world.heard("gateway")
    assert signal.snr_db == snr_db
    assert signal.rssi_dbm == pytest.approx(18.3 - loss_db(metres / 1000), abs=5)


def fading(seed=1, rounds=5, **places):
    """How each of some packets of `node` differs from its mean at the gateway."""
    world = World(seed, node=(0, 0), gateway=(800, 0), **places)
    for _ in range(rounds):
        for name in world.stations:
            world.send(name)
    mine = [each for each in world.ears["gateway"].signals if each.transmission.sender == "node"]
    return [each.rssi_dbm for each in mine]


def test_a_path_knows_only_its_own_two_ends():
    alone = fading()
    assert fading() == alone != fading(seed=2)
    assert fading(another=(5, 5)) == alone
    assert fading(first=(1, 1), second=(900, 0)) == alone
    expected = Random("1/node/gateway/air")
    assert alone == pytest.approx([18.3 - loss_db(0.8) + expected.gauss(0, 1) for _ in range(5)])


def test_a_transmission_is_told_to_whoever_wants_to_know():
    world = World(node=(0, 0), gateway=(800, 0))
    sent = []
    world.air.on_transmit.append(sent.append)
    world.send("node")
    assert [packet.payload for packet in sent] == [b"packet"]


def test_a_signal_is_there_until_it_ends():
    world = World(node=(0, 0), gateway=(800, 0))
    world.send("node")
    world.clock.run_until(PACKET.end_us - 1)
    assert world.stations["gateway"].signals() == [world.heard("gateway")]
    world.clock.run_until(PACKET.end_us)
    assert world.stations["gateway"].signals() == []


def clean(louder_db, gap_us=20_000, isolation="goursaud", **changes):
    """(first, second) unharmed? The second is stronger by so much, and comes so much later."""
    world = World(node=(0, 0), other=(0, 0), gateway=(800, 0))
    world.air.isolation = ISOLATIONS[isolation]
    world.send("node")
    first = world.heard("gateway")
    world.clock.run_until(gap_us)
    # the fading of the second path, known beforehand, is made up for
    fading_db = Random("1/other/gateway/air").gauss(0, 1)
    power_dbm = first.rssi_dbm + louder_db - (4.3 - loss_db(0.8)) - fading_db
    world.send("other", power_dbm=power_dbm, **changes)
    second = world.heard("gateway")
    assert second.rssi_dbm == pytest.approx(first.rssi_dbm + louder_db)
    return first.clean, second.clean


@pytest.mark.parametrize(("isolation", "capture_db"), [("goursaud", 6), ("croce", 1)])
@pytest.mark.parametrize(
    ("above_db", "unharmed"),
    [(-0.1, (False, False)), (0.1, (False, True))],
)
def test_what_is_so_much_stronger_survives(isolation, capture_db, above_db, unharmed):
    louder_db = capture_db + above_db
    assert clean(louder_db, isolation=isolation) == unharmed
    assert clean(-louder_db, isolation=isolation) == unharmed[::-1]


# (wanted, interferer): the least SIR in dB, from the tables of Croce and others and of Goursaud
@pytest.mark.parametrize(
    ("isolation", "first_sf", "second_sf", "first_db", "second_db"),
    [
        ("croce", 7, 8, -8, -11),
        ("croce", 12, 7, -25, -9),
        ("croce", 9, 10, -13, -17),
        ("goursaud", 7, 8, -16, -24),
        ("goursaud", 8, 12, -22, -36),
    ],
)
def test_spreading_factors_disturb_each_other(isolation, first_sf, second_sf, first_db, second_db):
    def pair(louder_db):
        world = World(node=(0, 0), other=(0, 0), gateway=(800, 0))
        world.air.isolation = ISOLATIONS[isolation]
        world.send("node", sf=first_sf, end_us=400_000)
        first = world.heard("gateway")
        fading_db = Random("1/other/gateway/air").gauss(0, 1)
        power_dbm = first.rssi_dbm + louder_db - (4.3 - loss_db(0.8)) - fading_db
        world.send("other", sf=second_sf, power_dbm=power_dbm, end_us=400_000)
        return first.clean, world.heard("gateway").clean

    assert pair(-first_db - 0.1)[0] and not pair(-first_db + 0.1)[0]
    assert pair(second_db + 0.1)[1] and not pair(second_db - 0.1)[1]


def test_downlinks_do_not_disturb_uplinks():
    assert clean(30, iq_inverted=True) == (True, True)
    assert clean(30) == (False, True)


def test_a_shadow_is_the_same_both_ways_and_stays():
    world = World(node=(0, 0), gateway=(800, 0))
    plain = Air(world.clock, 1)
    dark = Air(world.clock, 1, shadowing_db=7.8)
    one, two = dark.station("node", Place(0, 0)), dark.station("gateway", Place(800, 0))
    other = plain.station("node", Place(0, 0)), plain.station("gateway", Place(800, 0))
    there = dark._path_db(one, two)
    assert there == dark._path_db(two, one) != plain._path_db(*other)
    shadow_db = Random("1/gateway/node/shadow").gauss(0, 7.8)
    assert there == pytest.approx(4.3 - loss_db(0.8) + shadow_db)


@pytest.mark.parametrize(
    ("changes", "meet"),
    [
        ({"sf": 8}, False),  # at the same strength
        ({"freq_hz": 868_300_000}, False),
        ({"freq_hz": 868_100_000 + 62_499}, True),
        ({"freq_hz": 868_100_000 - 62_500}, False),  # half a bandwidth
        ({"bw_hz": 250_000, "freq_hz": 868_190_000}, True),
        ({"bw_hz": 250_000, "freq_hz": 868_194_000}, False),
    ],
)
def test_only_what_is_on_one_channel_collides(changes, meet):
    assert clean(0, **changes) == ((False, False) if meet else (True, True))


def test_what_has_ended_harms_nothing():
    assert clean(0, gap_us=PACKET.end_us) == (True, True)
    assert clean(0, gap_us=PACKET.end_us - 1) == (False, True)


def test_three_symbols_of_a_preamble_may_be_lost():
    """The last five of eight are enough for a receiver (Bor and others 2016)."""
    free_us = 3 * 1024  # SF7
    assert clean(20, gap_us=PACKET.end_us - free_us) == (False, True)
    assert clean(0, gap_us=PACKET.end_us - free_us) == (False, True)
    assert clean(0, gap_us=PACKET.end_us - free_us - 1) == (False, False)


def test_a_collision_at_one_gateway_is_none_at_another():
    world = World(near=(0, 0), far=(4000, 0), gateway=(200, 0), elsewhere=(3900, 0))
    world.send("near")
    world.send("far", at_us=1000)
    at_gateway, at_elsewhere = world.ears["gateway"].signals, world.ears["elsewhere"].signals
    assert [each.clean for each in at_gateway] == [True, False]
    assert [each.clean for each in at_elsewhere] == [False, True]


def test_three_at_once_are_judged_by_the_strongest():
    world = World(one=(0, 0), two=(0, 0), three=(0, 0), gateway=(800, 0))
    world.send("one", power_dbm=0.0)
    world.send("two", power_dbm=0.0, at_us=100)
    world.send("three", power_dbm=20.0, at_us=200)
    assert [each.clean for each in world.ears["gateway"].signals] == [False, False, True]


def test_of_a_sender_ahead_of_it_the_air_learns_when_it_is_there():
    world, told = World(gateway=(500, 0)), []
    station = world.air.station("node", Place(0, 0), ahead=True)
    station.on_transmit.append(told.append)
    packet = replace(PACKET, start_us=70_000, end_us=120_000)
    station.transmit(packet)
    assert told == [packet]  # what hangs beside the radio knows at once
    world.clock.run_until(69_999)
    assert not world.ears["gateway"].signals
    world.clock.run_until(70_000)
    (signal,) = world.ears["gateway"].signals
    assert signal.transmission is packet and world.stations["gateway"].signals() == [signal]
