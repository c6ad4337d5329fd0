# SPDX-License-Identifier: MIT
"""The payload of one reading, as the firmware packs it: hex for each JSON map of wire keys."""

import json
import sys

import uplink
from backlog import Reading

for text in sys.argv[1:]:
    values = {int(key): value for key, value in json.loads(text).items()}
    payload, _ = uplink.pack([Reading(0, 1, 0, values, None)], 222, lambda reading: 0)
    print(payload.hex())
