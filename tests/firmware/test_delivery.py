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


def test_an_answer_ends_the_count_of_questions():
    delivery = Delivery(6 * 3600, 0)
    assert not delivery.asked(6 * 3600)
    delivery.heard(7 * 3600)
    assert not delivery.asked(13 * 3600)
    assert delivery.asked(14 * 3600)


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


def lost(hours):
    """A link that lost its proof at 0 and was given up at 7 h; returns it at `hours`."""
    delivery = Delivery(6 * HOUR, 0)
    for hour in range(6, hours + 1):
        delivery.asked(hour * HOUR)
    return delivery


def test_the_time_to_the_next_question_is_known():
    delivery = Delivery(6 * HOUR, 100)
    assert delivery.proof_in_s(100) == 6 * HOUR and delivery.proof_in_s(100 + 6 * HOUR) == 0
    delivery.asked(100 + 6 * HOUR)
    assert delivery.proof_in_s(400 + 6 * HOUR) == HOUR - 300
    assert delivery.proof_in_s(100 + 8 * HOUR) == 0


def test_a_day_of_joining_without_success_ends_in_a_restart_once_a_day():
    delivery = lost(24)
    assert delivery.join_again(24 * HOUR) and not delivery.restart(48 * HOUR - 1)
    assert delivery.restart(48 * HOUR)
    # after that restart the uptime begins again, and so does the day
    again = Delivery(6 * HOUR, 5, delivery.unproven_s(48 * HOUR))
    assert again.join_again(5) and not again.restart(5 + 24 * HOUR - 1)
    assert again.restart(5 + 24 * HOUR)


def test_the_patience_with_a_lost_link_outlasts_a_restart():
    kept_s = lost(20).unproven_s(20 * HOUR)
    assert kept_s == 20 * HOUR
    delivery = Delivery(6 * HOUR, 3, kept_s)
    assert delivery.lost and delivery.wants_proof(3)
    assert not delivery.join_again(4 * HOUR) and delivery.join_again(3 + 4 * HOUR)
    assert Delivery(6 * HOUR, 3, lost(6).unproven_s(6 * HOUR)).lost is False


def test_deep_sleep_leaves_everything_as_it_was():
    delivery, budget = lost(9), Budget(30)
    for hour in range(40):
        budget.spend(hour * 1000, hour * HOUR)
    other, spent = Delivery(6 * HOUR, 0), Budget(30)
    other.restore(delivery.record())
    spent.restore(budget.record())
    for at_s in range(9 * HOUR, 60 * HOUR, 1000):
        assert other.proof_in_s(at_s) == delivery.proof_in_s(at_s)
        assert other.unproven_s(at_s) == delivery.unproven_s(at_s)
        assert other.restart(at_s) == delivery.restart(at_s)
    for at_s in range(40 * HOUR, 70 * HOUR, 1000):
        assert spent.left_us(at_s) == budget.left_us(at_s)
        assert spent.wait_s(29500000, at_s) == budget.wait_s(29500000, at_s)


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


def test_joining_leaves_half_of_the_budget_to_data():
    budget = Budget(30)
    budget.spend_on_joining(14000000, 100)
    assert budget.left_us(100) == 16000000
    for _ in range(30):
        budget.spend_on_joining(1482752, 200)
    assert budget.left_us(200) == 15000000 and budget.wait_s(1482752, 200) == 0
    budget.spend(14000000, 200)
    budget.spend_on_joining(1482752, 300)
    assert budget.left_us(300) == 1000000


def test_the_interval_stretches_with_the_data_rate():
    # design: 24-byte frames, 30 s a day: 10 minutes to SF9, then 18, 40 and 71
    minutes = [
        stretched_s(600, time_on_air_us(24, sf, 125000), 30000000) // 60 for sf in range(7, 13)
    ]
    assert minutes == [10, 10, 10, 17, 39, 71]
    assert stretched_s(600, 400001, 30000000) == 1153  # never a millisecond over the budget


def test_what_readings_need_in_the_day_to_come_is_not_given_away():
    budget = Budget(30)
    for hour in range(24):
        budget.spend(1000000, hour * HOUR)
    now_s = 23 * HOUR
    # 24 of 30 s a day, evenly: six are left, and stay so
    assert budget.left_us(now_s) == budget.left_us(now_s, 24000000) == 6000000
    # at 27 s a day only three, and in a burst they would be missed later
    assert budget.left_us(now_s, 27000000) == 3000000
    assert budget.wait_s(3000000, now_s, 27000000) == 0
    budget.spend(10000000, now_s)
    assert budget.left_us(now_s, 24000000) == -4000000
