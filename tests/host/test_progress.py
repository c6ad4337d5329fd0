# SPDX-License-Identifier: MIT
"""host.progress: what is shown while something goes on, and no longer."""

import os
import sys

from host.progress import Progress


def test_a_bar_that_is_full_does_not_come_back_with_the_next_line(monkeypatch):
    host, terminal = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with Progress() as progress:
            progress.step("copying", 0.5)
            progress.say("half of it")
            progress.step("copying", 1.0)
            progress.say("all of it")
            progress.say("and more")
        stderr.flush()
        shown = os.read(host, 65536).decode()
    os.close(host)
    assert "copying" in shown.partition("half of it")[2].partition("all of it")[0]
    assert "copying" not in shown.partition("all of it")[2] and "and more" in shown


def test_without_a_terminal_each_step_is_one_line_when_it_begins(capsys):
    for quiet, said in ((False, "writing, 1.6 MB ...\ncopying files ...\n"), (True, "")):
        with Progress(quiet) as progress:
            for what in ("writing, 1.6 MB", "copying files"):
                for hundredth in range(101):
                    progress.step(what, hundredth / 100)
        assert capsys.readouterr().err == said
