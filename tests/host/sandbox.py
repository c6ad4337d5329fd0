# SPDX-License-Identifier: MIT
"""node071 as its users run it: programs in a home of their own, and all that they leave behind."""

import os
import subprocess
import sys
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from host import files

HANG_S = 240
_LOOK_S = 0.05


def forms(secret):
    """How a secret can look in what is printed or written: {how: bytes}; hex in small letters."""
    pairs = [f"{byte:02x}" for byte in secret]
    found = {
        "as it is": secret,
        "turned round": secret[::-1],
        "in a repr": repr(secret)[2:-1].encode(),
        "as a list": ", ".join(map(str, secret)).encode(),
        "in hex, turned round": "".join(pairs[::-1]).encode(),
    }
    found |= {f"in hex joined by {each!r}": each.join(pairs).encode() for each in ("", " ", ":")}
    for shift in range(3):  # wherever it stands in what was encoded: its whole groups of three
        whole = secret[-shift % 3 :]
        whole = whole[: len(whole) // 3 * 3]
        found[f"in base64, shifted by {shift}"] = b64encode(whole)
        found[f"in base64 for addresses, shifted by {shift}"] = b64encode(whole, b"-_")
    return found


def leaks(data, secrets):
    """The secrets that some bytes hold, and how: ["AppKey, in hex joined by ''"]."""
    lower = data.lower()
    return [
        f"{name}, {how}"
        for name, secret in secrets.items()
        for how, form in forms(secret).items()
        if form in (lower if how.startswith("in hex") else data)
    ]


class Watch(threading.Thread):
    """Looks, again and again, at the command line of every process and at the files of a folder.

    `lines`: all command lines that it saw; `modes`: the last mode of each file and folder;
    `texts`: what was in files that may be gone by now.
    """

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.lines, self.modes, self.texts = folder, set(), {}, {}
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(_LOOK_S):
            for place in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.lines.add(place.read_bytes())
            with suppress(OSError):  # what is temporary goes while it is looked at
                for place in self.folder.rglob("*"):
                    self._look(place)

    def _look(self, place):
        self.modes[place] = place.stat().st_mode
        if place.is_file() and place not in self.texts and (data := place.read_bytes()):
            self.texts[place] = data

    def end(self):
        self._over.set()
        self.join(HANG_S)


class Sandbox:
    """A home, a folder to work in and one for temporary files, and every word that is said.

    As a context it watches. `secrets`, by their names: nothing that is not for them may hold them.
    """

    def __init__(self, folder, **variables):
        self.home, self.work, self.temporary, self.runtime = self.folders = [
            folder / name for name in ("home", "work", "temporary", "runtime")
        ]
        for each in self.folders:
            each.mkdir(0o700)
        names = ("PATH", "LANG", "SYSTEMROOT")
        self.variables = {name: os.environ[name] for name in names if name in os.environ}
        self.variables |= {"HOME": str(self.home), "TMPDIR": str(self.temporary)}
        self.variables |= {"XDG_RUNTIME_DIR": str(self.runtime), "PYTHONPATH": str(files.root())}
        self.variables["XDG_CACHE_HOME"] = str(user_cache_path())  # firmware is compiled there once
        self.variables |= variables
        self.said, self.secrets = [], {}
        self.watch = Watch(self.temporary)

    def __enter__(self):
        self.watch.start()
        return self

    def __exit__(self, *error):
        self.watch.end()

    @property
    def data(self):
        """Where the ledger lies."""
        return self.home / ".local" / "share" / "node071"

    def start(self, *words, **variables):
        """Start `node071 WORDS` as a program of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "host.cli", *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.work,
            env=self.variables | variables,
        )

    def end(self, program):
        """(stdout, stderr) of a program that ends by itself."""
        out, errors = program.communicate(timeout=HANG_S)
        self.said += [out, errors]
        return out, errors

    def run(self, *words, status=0, **variables):
        """Run `node071 WORDS`; (stdout, stderr)."""
        program = self.start(*words, **variables)
        out, errors = self.end(program)
        assert program.returncode == status, (words, program.returncode, out, errors)
        return out, errors

    def found(self, meant=()):
        """Every place where a secret is that should not be: ["PLACE: AppKey, in a repr"].

        `meant`: the files that are there to hold keys.
        """
        places = {"what was said": "\n".join(self.said).encode()}
        places |= {f"the processes, {line!r}": line for line in self.watch.lines}
        places |= {str(path): data for path, data in self._files().items() if path not in meant}
        return [
            f"{place}: {leak}" for place in places for leak in leaks(places[place], self.secrets)
        ]

    def open_to_others(self):
        """Files that hold a secret, or held it for a moment, and that others may read."""
        now = self._files()
        modes = self.watch.modes | {
            path: path.stat().st_mode for folder in self.folders for path in folder.rglob("*")
        }
        return [
            f"{path} has mode {modes[path] & 0o777:o}"
            for path, data in (self.watch.texts | now).items()
            if all(modes[each] & 0o077 for each in (path, *path.parents) if each in modes)
            and leaks(data, self.secrets)
        ]

    def _files(self):
        every = (path for folder in self.folders for path in folder.rglob("*"))
        return {path: path.read_bytes() for path in every if path.is_file()}
