# SPDX-License-Identifier: MIT
"""Where the passphrase comes from: the keyring, the variable, the terminal, in this order.

Keyring backends are files of the test, used by the real keyring program.
"""

import json
import os
import pty
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RIGHT, WRONG = "correct horse", "wrong battery"

KEYRINGS = """
    import json, os, sys, time
    from keyring.backend import KeyringBackend

    class Kept(KeyringBackend):
        priority = 1

        def get_password(self, service, user):
            with open(os.environ["ARGUMENTS"], "a") as file:
                file.write(" ".join(sys.orig_argv) + "\\n")
            with open(os.environ["KEPT"]) as file:
                return json.load(file).get(f"{service} {user}")

        def set_password(self, service, user, password):
            with open(os.environ["ARGUMENTS"], "a") as file:
                file.write(" ".join(sys.orig_argv) + "\\n")
            with open(os.environ["KEPT"], "w") as file:
                json.dump({f"{service} {user}": password}, file)

    class Locked(Kept):
        def get_password(self, service, user):
            time.sleep(600)

    class Broken(Kept):
        def get_password(self, service, user):
            raise RuntimeError("no bus")
"""

# What a command does, with a limit for the keyring that a test can wait for.
OPEN = """
    import os
    from pathlib import Path
    from host import passphrase
    from host.commands import Commands
    from host.ledger import Ledger
    import click

    def vault(lock):
        limit_s = int(os.environ["LIMIT_S"])
        return passphrase.unlock(lock, limit_s) if lock else passphrase.choose(16)

    @click.command(cls=Commands)
    def work(): pass

    @work.command()
    def opened():
        with Ledger.open(Path("nodes.ledger"), vault) as ledger:
            click.echo("sealed" if ledger.vault.lock else "plain")

    work(["opened"])
"""


@pytest.fixture
def desk(tmp_path):
    tmp_path.joinpath("keyrings.py").write_text(textwrap.dedent(KEYRINGS))
    tmp_path.joinpath("open.py").write_text(textwrap.dedent(OPEN))
    tmp_path.joinpath("kept.json").write_text("{}")
    return tmp_path


def environment(desk, keyring, given):
    kept = {name: value for name, value in os.environ.items() if name != "NODE071_PASSPHRASE"}
    kept |= {"PYTHONPATH": f"{ROOT}:{desk}", "KEPT": str(desk / "kept.json")}
    kept |= {"ARGUMENTS": str(desk / "arguments")}
    kept |= {"PYTHON_KEYRING_BACKEND": keyring}
    kept |= {"LIMIT_S": "1" if keyring == "keyrings.Locked" else "60"}
    return kept | ({"NODE071_PASSPHRASE": given} if given is not None else {})


def opened(desk, given=None, keyring="keyring.backends.null.Keyring"):
    """(exit status, stdout, stderr) of opening the ledger with nobody at a terminal."""
    done = subprocess.run(
        [sys.executable, "open.py"], cwd=desk, env=environment(desk, keyring, given),
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def at_terminal(desk, *answers, keyring="keyring.backends.null.Keyring"):
    """(exit status, what the terminal showed) with answers typed."""
    inside, outside = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "open.py"], cwd=desk, env=environment(desk, keyring, None),
        stdin=outside, stdout=outside, stderr=outside, start_new_session=True,
    )  # fmt: skip
    os.close(outside)
    shown, left = b"", list(answers)
    while True:
        try:
            piece = os.read(inside, 1000)
        except OSError:  # EIO: the last writer has closed it
            break
        shown += piece
        if piece.rstrip().endswith(b":") and left:
            os.write(inside, left.pop(0).encode() + b"\n")
    os.close(inside)
    return child.wait(), shown.decode()


def test_without_any_source_it_ends_with_2_and_names_all(desk):
    status, out, err = opened(desk)
    assert (status, out) == (2, "")
    for each in ("system keyring", "NODE071_PASSPHRASE", "terminal", "--plain-keys"):
        assert each in err
    assert err.count("\n") == 1 and not desk.joinpath("nodes.ledger").exists()


def test_the_variable_makes_and_opens(desk):
    assert opened(desk, RIGHT) == opened(desk, RIGHT) == (0, "sealed\n", "")
    status, out, err = opened(desk, WRONG)
    assert (status, out) == (1, "")
    assert err == "error: the passphrase from NODE071_PASSPHRASE is wrong; try the right one\n"
    assert opened(desk, "")[0] == 2  # set to nothing is not set


def test_a_short_passphrase_is_not_taken(desk):
    status, _, err = opened(desk, "1234567")
    assert status == 1 and "7 characters" in err and "1234567" not in err


def test_a_terminal_is_asked_twice_for_a_new_one_and_shows_none(desk):
    status, shown = at_terminal(desk, RIGHT, RIGHT)
    assert status == 0 and "Write it down" in shown and "sealed" in shown
    assert RIGHT not in shown
    status, shown = at_terminal(desk, RIGHT)
    assert status == 0 and "sealed" in shown and RIGHT not in shown
    status, shown = at_terminal(desk, WRONG)
    assert status == 1 and "the passphrase from the terminal is wrong" in shown
    assert WRONG not in shown


def test_a_keyring_remembers_what_was_typed_once(desk):
    keyring = "keyrings.Kept"
    assert at_terminal(desk, RIGHT, RIGHT, keyring=keyring)[0] == 0
    assert list(json.loads(desk.joinpath("kept.json").read_text()).values()) == [RIGHT]
    assert opened(desk, keyring=keyring) == (0, "sealed\n", "")
    assert opened(desk, WRONG, keyring=keyring) == (0, "sealed\n", "")  # it comes first
    arguments = desk.joinpath("arguments").read_text()
    assert "-m keyring set node071" in arguments and "-m keyring get node071" in arguments
    assert "horse" not in arguments


def test_a_keyring_that_is_wrong_leaves_it_to_the_next(desk):
    keyring = "keyrings.Kept"
    at_terminal(desk, RIGHT, RIGHT, keyring=keyring)
    kept = desk / "kept.json"
    kept.write_text(kept.read_text().replace(RIGHT, WRONG))
    assert opened(desk, RIGHT, keyring)[0] == 0
    status, _, err = opened(desk, keyring=keyring)
    assert status == 1 and "the passphrase from the system keyring is wrong" in err


@pytest.mark.parametrize("keyring", ["keyrings.Locked", "keyrings.Broken", "keyrings.Missing"])
def test_a_keyring_that_hangs_or_fails_is_left_alone(desk, keyring):
    assert opened(desk, RIGHT)[0] == 0
    assert opened(desk, RIGHT, keyring) == (0, "sealed\n", "")
    assert opened(desk, None, keyring)[0] == 2
