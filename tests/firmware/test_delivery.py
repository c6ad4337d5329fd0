# SPDX-License-Identifier: MIT
"""Proof of delivery and the fair-use budget, in seconds of uptime."""

from delivery import Budget, Delivery, stretched_s
from lora.airtime import time_on_air_us

HOUR = 3600


def test_a_proof_is_asked_for_every_six_hours():
    delivery = Delivery(6 * HOUR, 100)
    assert not delivery.wants_proof(100 + 6 * HOUR - 1)
    assert delivery.wants_proof(100 + 6 * HOUR)
    assert not delivery.asked(100 + 6 * HOUR)
    delivery.heard(100 + 6 * HOUR)
    assert not delivery.wants_proof(100 + 12 * HOUR - 1)


def test_two_unanswered_questions_lose_the_link():
    delivery = Delivery(6 * HOUR, 0)
    assert not delivery.asked(6 * HOUR)
    assert not delivery.wants_proof(7 * HOUR - 1) and delivery.wants_proof(7 * HOUR)
    assert delivery.asked(7 * HOUR) and delivery.lost


def test_a_lost_link_gets_one_probe_an_hour_and_lives_again_when_heard():
    delivery = Delivery(6 * HOUR, 0)
    delivery.asked(6 * HOUR)
    delivery.asked(7 * HOUR)
    assert [delivery.may_send(7 * HOUR + m * 60) for m in (1, 59, 60)] == [False, False, True]
    assert not delivery.asked(8 * HOUR)
    assert not delivery.may_send(8 * HOUR + 60)
    delivery.heard(9 * HOUR)
    assert delivery.may_send(9 * HOUR + 1) and not delivery.lost


def test_after_a_day_without_proof_it_joins_again():
    delivery = Delivery(6 * HOUR, 0)
    assert not delivery.join_again(25 * HOUR)
    delivery.asked(6 * HOUR)
    delivery.asked(7 * HOUR)
    assert not delivery.join_again(24 * HOUR - 1)
    assert delivery.join_again(24 * HOUR)


def test_the_budget_holds_in_every_24_hours():
    budget, sent, second_us = Budget(30), [], 1000000
    for now_s in range(0, 4 * 86400, 600):
        if not budget.wait_s(second_us, now_s):
            budget.spend(second_us, now_s)
            sent.append(now_s)
    assert len(sent) > 100
    for at in sent:
        assert len([each for each in sent if at <= each < at + 23 * HOUR]) <= 30


def test_the_wait_for_budget_is_right():
    budget = Budget(30)
    budget.spend(29500000, 1800)
    assert budget.wait_s(500000, 1801) == 0
    wait_s = budget.wait_s(600000, 1801)
    assert budget.wait_s(600000, 1801 + wait_s - 1) > 0
    assert budget.wait_s(600000, 1801 + wait_s) == 0


def test_the_interval_stretches_with_the_data_rate():
    # design: 24-byte frames, 30 s a day: 10 minutes to SF9, then 18, 40 and 71
    minutes = [
        stretched_s(600, time_on_air_us(24, sf, 125000), 30000000) // 60 for sf in range(7, 13)
    ]
    assert minutes == [10, 10, 10, 17, 39, 71]
