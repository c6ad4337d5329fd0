# SPDX-License-Identifier: MIT
"""The fuzz run's first 5,000 cases, always the same ones; `make proof PART=fuzz` runs 200,000."""

import fuzz
import pytest

CASES = 840  # of each kind
# what a run has to see, so that it cannot pass by refusing, or taking, everything
SEEN = {
    "downlink": {"downlink taken", "downlink dropped"},
    "join-accept": {"join taken", "join dropped"},
    "commands": {f"answered {name}" for name in fuzz.ANSWERS},
    "settings": {"settings ignored", "settings answered 0", "settings answered 2"},
    "cbor": {"cbor read", "cbor refused"},
    "sensor": {"reply read", "reply refused"},
}


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_whatever_comes_in_the_host_and_the_board_agree(kind):
    board = fuzz.run(kind, CASES, derandomize=True)
    assert board.cases[kind] >= CASES
    assert SEEN[kind] <= set(board.outcomes)
