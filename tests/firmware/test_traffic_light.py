# SPDX-License-Identifier: MIT
"""The traffic light: its limits, its hysteresis, and that red is never told by colour alone."""

from drivers.traffic_light import TrafficLight

GREEN, ORANGE, RED, DARK = "100", "010", "001", "000"


class Lamps:
    """Three lamps and the light that switches them; `look` is what a person sees."""

    def __init__(self):
        self.levels = [0, 0, 0]
        self.light = TrafficLight(*[self._pin(index) for index in range(3)])

    def _pin(self, index):
        def switch(level):
            self.levels[index] = level

        return switch

    def look(self):
        return "".join([str(level) for level in self.levels])

    def after(self, *values_ppm):
        for co2_ppm in values_ppm:
            self.light.show(co2_ppm)
        return self.look()

    def blinks(self, times):
        seen = []
        for _ in range(times):
            self.light.tick()
            seen.append(self.look())
        return seen


def test_it_is_dark_before_the_first_value_and_after_the_last():
    lamps = Lamps()
    assert lamps.look() == DARK and not lamps.light.blinking
    assert lamps.after(1500) == RED
    lamps.light.off()
    assert lamps.look() == DARK and not lamps.light.blinking


def test_green_under_800_orange_under_1200_red_above():
    for co2_ppm, look in (
        (400, GREEN),
        (799, GREEN),
        (800, ORANGE),
        (1199, ORANGE),
        (1200, RED),
        (9000, RED),
    ):
        assert Lamps().after(co2_ppm) == look, co2_ppm


def test_it_goes_up_at_the_limit_and_down_50_ppm_below_it():
    for values_ppm, look in (
        ((799, 800), ORANGE),
        ((800, 799), ORANGE),
        ((800, 750), ORANGE),
        ((800, 749), GREEN),
        ((1199, 1200), RED),
        ((1200, 1199), RED),
        ((1200, 1150), RED),
        ((1200, 1149), ORANGE),
        ((1200, 750), ORANGE),
        ((1200, 749), GREEN),
        ((1200, 1149, 1199), ORANGE),
        ((400, 1200), RED),
        ((800, 749, 750), GREEN),
    ):
        assert Lamps().after(*values_ppm) == look, values_ppm


def test_after_a_pause_the_hysteresis_starts_anew():
    lamps = Lamps()
    lamps.after(1200)
    lamps.light.off()
    assert lamps.after(1160) == ORANGE


def test_red_blinks_and_no_other_colour_does():
    for co2_ppm, blinking in ((700, False), (1000, False), (1200, True)):
        lamps = Lamps()
        lamps.after(co2_ppm)
        assert lamps.light.blinking is blinking
    assert lamps.blinks(5) == [DARK, RED, DARK, RED, DARK]


def test_a_new_red_value_does_not_disturb_the_blinking():
    lamps = Lamps()
    lamps.after(1200)
    lamps.light.tick()
    assert lamps.after(1300) == DARK
    assert lamps.blinks(2) == [RED, DARK]


def test_what_follows_a_dark_blink_is_one_colour():
    for co2_ppm, look in ((1000, ORANGE), (400, GREEN)):
        lamps = Lamps()
        lamps.after(1200)
        lamps.light.tick()
        assert lamps.after(co2_ppm) == look and not lamps.light.blinking
        assert lamps.after(1200) == RED  # and red begins lit


def test_other_limits_hold_from_the_next_value_on():
    lamps = Lamps()
    lamps.after(1000)
    lamps.light.orange_ppm, lamps.light.red_ppm = 700, 950
    assert lamps.after(1000) == RED
    assert lamps.after(899) == ORANGE
    assert lamps.after(649) == GREEN
