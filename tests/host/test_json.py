# SPDX-License-Identifier: MIT
"""--json: every command has it, and says what goes wrong as one JSON value with the next step."""

import contextlib
import json

import click
import pytest
from click.testing import CliRunner
from workbench import PICO

from host.cli import cli

NOWHERE = "none"  # no board, node or scenario; the file of this name is no ledger
TEXT = "not what anybody looks for\n"
USUAL = {"--board": PICO, "--kit": "classroom"}


def commands(command=cli, path=()):
    """(path, command) of each command and group below a group."""
    for name, each in command.commands.items():
        yield (*path, name), each
        if isinstance(each, click.Group):
            yield from commands(each, (*path, name))


ALL = dict(commands())


def failing(path):
    """A call of a command that goes wrong: it is about something that is not there."""
    command = ALL[path]
    own = {name for option in command.params for name in option.opts}
    words = [*path, *[NOWHERE for each in command.params if isinstance(each, click.Argument)]]
    for name, value in USUAL.items():
        words += [name, value] if name in own else []
    for name, place in (("--port", "no-port"), ("--ledger", NOWHERE)):
        if name in own:
            return [*words, name, place]
    return words if NOWHERE in words else [*words, NOWHERE]


def told(*words):
    """What a call prints that fails: its status and one JSON value, nothing else."""
    done = CliRunner().invoke(cli, words)
    assert done.exit_code in (1, 2), (words, done.output)
    assert done.stderr == ""
    value = json.loads(done.stdout)
    assert set(value) == {"error", "next"} and value["error"] and value["next"], words
    return done.exit_code, value


@pytest.fixture(autouse=True)
def folder(tmp_path):
    """The current folder, with that file; whatever goes wrong changes nothing there."""
    (tmp_path / NOWHERE).write_text(TEXT)
    with contextlib.chdir(tmp_path):
        yield
    assert [path.read_text() for path in tmp_path.iterdir()] == [TEXT]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_failure_of_any_command_is_one_json_value(path):
    status, value = told(*failing(path), "--json")
    assert "--json" not in value["error"]
    # a group's option holds for its commands too
    assert len(path) == 1 or told(path[0], "--json", *failing(path)[1:]) == (status, value)
    assert told(*path, "--json", "--no-such-option")[0] == 2


def test_most_of_these_calls_get_past_the_command_line():
    found = [told(*failing(path), "--json")[0] for path in ALL]
    assert found.count(1) > len(found) // 2, list(zip(ALL, found, strict=True))
