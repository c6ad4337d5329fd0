# SPDX-License-Identifier: MIT
"""Two hundred of the power cuts, always the same ones; `make proof PART=cuts` makes all of them."""

import cuts
import pytest

SAMPLE, PARTS = 200, 4


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return cuts.record(tmp_path_factory.mktemp("base"))


def test_the_run_that_is_cut_has_everything_in_it(base):
    nonce, counts = cuts.counters(phy for _, phy in base.sent)
    assert len(base.kept) >= 300 and len(base.operations) > 400
    assert nonce >= 5 and len(counts) == 2  # a rejoin after many tries
    image = bytearray(base.image)
    for operation in base.operations:
        operation.apply(image, "done", None)
    files = cuts.mounted(image)
    assert cuts.stored(files, "settings")["last"][:2] == [5, 0]  # all five commands were done
    session = cuts.stored(files, "session")
    assert session[15] == 2 and len([each for each in session[10] if each]) >= 5


@pytest.mark.parametrize("part", range(PARTS))
def test_after_a_cut_nothing_is_used_twice_halved_or_lost(base, part):
    numbers = cuts.chosen(base, SAMPLE, 1)
    assert len(numbers) == SAMPLE
    assert {base.operations[number].kind for number in numbers} == {cuts.ERASE, cuts.PROGRAM}
    size = SAMPLE // PARTS
    assert cuts.run(base, numbers[part * size : (part + 1) * size], jobs=1) == []
