# SPDX-License-Identifier: MIT
"""Names and places: what the command line takes of them."""

import pytest
from click.testing import CliRunner

from host.cli import cli
from host.names import one_line

WORDS = ["--board", "rpi-pico-rfm95", "--kit", "classroom", "--port", "nowhere"]


@pytest.mark.parametrize("words", ["  Raum   12 ", "Raum\n12", "Raum\u00a012"])
def test_blanks_are_one_space(words):
    assert one_line(words, 100) == "Raum 12"


def test_other_alphabets_and_joined_signs_are_names_too():
    for name in ("Küche Süd", "غرفة", "教室", "\U0001f469\u200d\U0001f52c"):
        assert one_line(name, 100) == name


@pytest.mark.parametrize("command", ["provision", "setup"])
@pytest.mark.parametrize(
    ("option", "words", "problem"),
    [
        ("--name", "", "nothing is in it"),
        ("--name", " ", "nothing is in it"),
        ("--name", 101 * "x", "101 letters, 100 are the most"),
        ("--name", "a\x1b[31m", "it has a character that cannot be printed"),
        ("--name", "caf\udce9", "it has a character that cannot be printed"),
        ("--place", 201 * "x", "201 letters, 200 are the most"),
    ],
)
def test_what_no_label_or_network_can_show_is_refused(command, option, words, problem):
    result = CliRunner().invoke(cli, [command, *WORDS, option, words])
    assert result.exit_code == 2
    assert f"invalid value for '{option}': {problem}; see" in result.stderr
