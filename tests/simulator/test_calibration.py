# SPDX-License-Identifier: MIT
"""Calibration and settings of CO2 sensors: by downlink, at the prompt, and after a power cut."""

import cbor2
import pytest
from test_field_failures import room
from test_liveness import record

from simulator.events import EventPlan
from simulator.faults import FaultPlan

PROMPT = ("main.py", "import node  # noqa: E402\n\nnode.run()\n")


def down(hour, values):
    return EventPlan("node", hour, payload=cbor2.dumps(values))


def results(run):
    """(sequence, result) of each answer."""
    answers = [event["more"]["answer"] for _, event in run.events("port 2")]
    return [(each["sequence"], each["result"]) for each in answers]


def test_a_calibration_says_that_it_is_busy_waits_three_minutes_and_is_done(trial):
    run = trial(1.0, events=(down(0.0, {0: 7, 5: 420}),), worlds=room(500.0))
    assert results(run) == [(7, "busy"), (7, "done")]
    # the node starts its sensor three seconds after power-on
    assert 183 < run.events("port 2")[1][0] * 3600 < 240
    assert len(run.rows) == 7 and all("faults" not in row.values for row in run.rows)


def word(run, driver, question):
    """What a sensor on I2C answers when it does not measure."""
    chip = run.node.sensors[driver]
    for command, wait_ms in (("3f86", 600), (question, 50)):
        chip.write(bytes.fromhex(command))
        run.board.clock.run_until(run.board.clock.now_us + wait_ms * 1000)
    return int.from_bytes(chip.read(3)[:2])


@pytest.mark.parametrize(
    ("kit", "driver", "ppm", "room_ppm"),
    [
        ("classroom", "scd4x", 420, 520.0),
        ("classroom-scd30", "scd30", 420, 520.0),
        ("classroom-mhz19", "mhz19", 400, 470.0),
        ("classroom-s8", "senseair_s8", 400, 470.0),
    ],
)
def test_calibration_and_settings_outlast_a_power_cut_of_node_and_sensor(
    trial, kit, driver, ppm, room_ppm
):
    """Altitude, temperature offset and self-calibration are told to the sensor at each start."""

    def prepare(run):
        run.at(1.2, run.node.sensors[driver].power, 0)
        run.at(1.25, run.node.sensors[driver].power, 1)

    high = driver in ("scd4x", "scd30")  # the others know no altitude
    wanted = {8: 25, 9: 0} | ({7: 120} if high else {})
    run = trial(
        2.0, kit=kit, worlds=room(room_ppm), prepare=prepare,
        events=(
            down(0.1, {0: 1} | wanted), down(0.2, {0: 2, 7: 120, 8: 25}), down(0.35, {0: 3, 5: ppm})
        ),
        faults=(FaultPlan("power-cut", 1.2, "node", until_h=1.25),),
    )  # fmt: skip
    assert results(run) == [
        (1, "done"), (2, "done" if high else "no such sensor"), (3, "busy"), (3, "done")
    ]  # fmt: skip
    late = [row.values for row in run.rows if (row.time - run.scenario.start).seconds > 1.35 * 3600]
    assert len(late) >= 3
    for values in late:
        assert values["co2"] == pytest.approx(ppm, abs=35) and "faults" not in values
        assert values["temperature"] == pytest.approx(21 - 2.5 + 4.0 * (driver == "scd4x"), abs=0.4)
    chip = run.node.sensors[driver]
    if high:
        altitude, itself = {"scd4x": ("2322", "2313"), "scd30": ("5102", "5306")}[driver]
        assert (word(run, driver, altitude), word(run, driver, itself)) == (120, 0)
    else:
        name = {"mhz19": "self_calibration", "senseair_s8": "_period_h"}[driver]
        assert not getattr(chip, name)


def test_at_the_prompt_it_is_calibrated_to_the_air_that_is_there(trial):
    program = """import onsite
import service

service.guard()
for ppm in (425, 3000):
    try:
        print("correction", onsite.calibrate(ppm))
    except (OSError, ValueError) as error:
        print("no:", error)
print("timers", len(service._timers))
"""
    run = trial(0.2, [(*PROMPT, program)], worlds=room(500.0))
    lines = [line for line in run.log().splitlines() if line.startswith(("corr", "no", "timers"))]
    assert len(lines) == 3 and -100 <= int(lines[0].split()[1]) <= -50
    assert lines[1:] == ["no: 3000 ppm: 400 to 2000 are possible", "timers 1"]
    start, saved_s, fresh_s, calibrated_s, astray = record(run.state, "airing")
    assert start is None and saved_s == fresh_s == calibrated_s >= 180 and astray == 0
