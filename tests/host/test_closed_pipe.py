# SPDX-License-Identifier: MIT
"""A reader that leaves early, such as `head`, is no failure that is worth a word."""

import os
import subprocess
import sys


def test_a_reader_that_leaves_ends_a_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "host.cli", "boards"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.stderr == ""
