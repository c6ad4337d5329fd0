# SPDX-License-Identifier: MIT
"""Run the named functions of one test file under MicroPython and report each on a line of its own.

Arguments: the directory of the vectors, the file's module name, the functions.
"""

import gc
import sys

import vectors


def run(module, name):
    print("\n@@ start", name)
    gc.collect()
    try:
        getattr(module, name)()
    except Exception as error:
        sys.print_exception(error, sys.stdout)
        print("\n@@ fail", name)
    else:
        print("\n@@ pass", name)


vectors.directory = sys.argv[1]
file = __import__(sys.argv[2])
for function in sys.argv[3:]:
    run(file, function)
