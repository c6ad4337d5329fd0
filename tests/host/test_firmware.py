# SPDX-License-Identifier: MIT
"""host.firmware: only what differs is sent, in an order that is safe, and what is old goes."""

import hashlib
import json

from host import firmware, image

CONTENTS = image.firmware()
ALL = {f"/{name}": hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}
MANIFEST = CONTENTS["manifest.json"]


def test_a_board_that_is_up_to_date_gets_nothing():
    assert firmware.changes(ALL, MANIFEST, CONTENTS) == ({}, [])


def test_an_empty_board_gets_everything_and_can_finish_by_itself_from_the_second_file_on():
    write, remove = firmware.changes({}, None, CONTENTS)
    assert write == {f"/{name}": data for name, data in CONTENTS.items()} and remove == []
    names = list(write)
    assert names[:2] == ["/update.mpy", "/boot.py"]
    assert names[-2:] == ["/main.py", "/manifest.json"]


def test_only_files_that_differ_are_sent():
    old = ALL | {"/lora/mac.mpy": "0" * 64, "/manifest.json": "1" * 64}
    del old["/led.mpy"]
    write, remove = firmware.changes(old, MANIFEST, CONTENTS)
    assert list(write) == ["/led.mpy", "/lora/mac.mpy", "/manifest.json"] and remove == []
    assert write["/lora/mac.mpy"] == CONTENTS["lora/mac.mpy"]


def test_what_the_new_version_lacks_goes_and_what_others_put_there_stays():
    rows = [*json.loads(MANIFEST), {"path": "lora/gone.mpy"}, {"path": "never.mpy"}]
    old = ALL | {"/lora/gone.mpy": "0" * 64, "/own.py": "0" * 64, "/lib/x.mpy": "0" * 64}
    old |= {"/state/config.0": "0" * 64}
    write, remove = firmware.changes(old, json.dumps(rows).encode(), CONTENTS)
    assert (write, remove) == ({}, ["/lora/gone.mpy"])


def test_a_source_that_would_hide_a_compiled_file_goes():
    old = ALL | {"/node.py": "0" * 64, "/lora/mac.py": "0" * 64}
    assert firmware.changes(old, MANIFEST, CONTENTS)[1] == ["/lora/mac.py", "/node.py"]


def test_a_manifest_that_cannot_be_read_names_nothing():
    for manifest in (b"", b"{", b"[1]", b'[{"path": 1}]', b"7", b"\xff", b'{"path": "x"}', None):
        assert firmware.changes(ALL, manifest, CONTENTS) == ({}, [])
