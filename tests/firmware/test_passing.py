# SPDX-License-Identifier: MIT
"""passing: a module is whole while it is used, and nothing of it stays."""

import gc
import sys

import lora.region
from lora import commands
from passing import passing


def test_it_is_neither_in_the_table_of_modules_nor_in_its_package():
    for name, word in (("ranges", "check"), ("lora.answers", "apply"), ("lora.join", "request")):
        module = passing(name)
        assert callable(getattr(module, word))
        assert name not in sys.modules
    for leaf in ("answers", "join"):
        assert not hasattr(lora, leaf)
    assert lora.commands is commands  # what others keep stays


def test_what_it_took_is_given_back():
    passing("lora.join")  # names are kept for good
    gc.collect()
    before = gc.mem_alloc()
    module = passing("lora.join")
    assert gc.mem_alloc() > before + 2000
    module = None
    gc.collect()
    assert gc.mem_alloc() <= before + 200, (gc.mem_alloc(), before, module)
