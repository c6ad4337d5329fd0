# SPDX-License-Identifier: MIT
"""host.images: which MicroPython is taken, where it comes from, and what is refused."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from micropython_images import RP2350, esp32, uf2

from host import boards, images
from host.errors import HostError, WrongUse
from host.ledgers import open_ledger

TTGO, PICO = boards.boards()["ttgo-lora32-v2_1"], boards.boards()["rpi-pico-rfm95"]
NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens
BIN, UF2 = "LILYGO_TTGO_LORA32-20260406-v1.28.0.bin", "RPI_PICO-20260406-v1.28.0.uf2"


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path / "ledger", plain_keys=True) as opened:
        yield opened


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def site(tmp_path):
    """A site that publishes files as micropython.org does."""
    root = tmp_path / "site"
    for board, names in (
        ("LILYGO_TTGO_LORA32", {BIN: esp32(), BIN.replace("28.0", "27.0"): esp32()}),
        ("RPI_PICO", {UF2: uf2(), UF2.replace("28.0", "26.0"): b"<html>"}),
    ):
        for folder in ("download/" + board, "resources/firmware"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        links = "".join(f'<a href="/resources/firmware/{name}">{name}</a>\n' for name in names)
        (root / "download" / board / "index.html").write_text(links)
        for name, data in names.items():
            (root / "resources/firmware" / name).write_bytes(data)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_file_of_ones_own_is_taken_with_its_hash(tmp_path, ledger, cache):
    path = tmp_path / "mine.bin"
    path.write_bytes(esp32())
    image = images.get(TTGO, str(path), ledger, cache, NOWHERE)
    assert (image.name, image.data) == ("mine.bin", esp32())
    assert image.sha256 == hashlib.sha256(esp32()).hexdigest()


def test_another_file_of_the_same_name_is_refused_from_then_on(tmp_path, ledger, cache):
    path = tmp_path / "mine.bin"
    path.write_bytes(esp32())
    images.get(TTGO, str(path), ledger, cache, NOWHERE)
    path.write_bytes(esp32(size=4000))
    with pytest.raises(HostError) as error:
        images.get(TTGO, str(path), ledger, cache, NOWHERE)
    digests = [hashlib.sha256(data).hexdigest()[:16] for data in (esp32(size=4000), esp32())]
    assert "{}..., not {}".format(*digests) in str(error.value)
    path.write_bytes(esp32())
    images.get(TTGO, str(path), ledger, cache, NOWHERE)


def test_a_damaged_file_is_never_kept_as_the_first(tmp_path, ledger, cache):
    path = tmp_path / "mine.bin"
    path.write_bytes(esp32()[:-1] + b"\0")
    with pytest.raises(HostError, match="SHA-256 of the application is wrong"):
        images.get(TTGO, str(path), ledger, cache, NOWHERE)
    path.write_bytes(esp32())
    images.get(TTGO, str(path), ledger, cache, NOWHERE)


def test_a_version_comes_from_the_cache_without_a_network(ledger, cache):
    (cache / BIN).write_bytes(esp32())
    (cache / BIN.replace("20260406", "20260501")).write_bytes(esp32(size=9000))  # built anew
    (cache / UF2).write_bytes(uf2())
    for wish in ("1.28.0", "v1.28.0"):
        assert images.get(TTGO, wish, ledger, cache, NOWHERE).data == esp32(size=9000)
    assert images.get(PICO, "1.28.0", ledger, cache, NOWHERE).data == uf2()


def test_offline_it_says_which_file_goes_where(ledger, cache):
    cache.rmdir()
    with pytest.raises(HostError) as error:
        images.get(PICO, "1.28.0", ledger, cache, NOWHERE)
    assert cache.is_dir()
    assert str(error.value) == (
        f"MicroPython 1.28.0 for RPI_PICO is not on this computer, and {NOWHERE} cannot be reached"
    )
    step = error.value.next_step
    assert "RPI_PICO-DATE-v1.28.0.uf2" in step and str(cache) in step
    assert f"{NOWHERE}/download/RPI_PICO/" in step


def test_a_version_is_fetched_once_and_kept(ledger, cache, site):
    assert images.get(PICO, "1.28.0", ledger, cache, site).name == UF2
    assert (cache / UF2).read_bytes() == uf2() and len(list(cache.iterdir())) == 1
    assert images.get(PICO, "1.28.0", ledger, cache, NOWHERE).data == uf2()
    assert images.get(TTGO, "1.27.0", ledger, cache, site).name == BIN.replace("28.0", "27.0")


def test_what_is_published_is_checked_before_it_is_kept(ledger, cache, site):
    with pytest.raises(HostError, match="blocks of 512"):
        images.get(PICO, "1.26.0", ledger, cache, site)
    assert list(cache.iterdir()) == []


def test_a_version_that_is_not_published_is_named(ledger, cache, site):
    with pytest.raises(HostError, match=r"no MicroPython 1\.99\.0 for RPI_PICO"):
        images.get(PICO, "1.99.0", ledger, cache, site)


def test_neither_a_file_nor_a_version_is_wrong_use(ledger, cache):
    for wish in ("none.bin", "latest", "v1"):
        with pytest.raises(WrongUse):
            images.get(PICO, wish, ledger, cache, NOWHERE)


def test_an_image_for_another_chip_is_refused(tmp_path, ledger, cache):
    (tmp_path / "pico2.uf2").write_bytes(uf2(family=RP2350))
    with pytest.raises(HostError, match="RP2350"):
        images.get(PICO, str(tmp_path / "pico2.uf2"), ledger, cache, NOWHERE)
    (tmp_path / "esp.bin").write_bytes(esp32())
    with pytest.raises(HostError, match="UF2"):
        images.get(PICO, str(tmp_path / "esp.bin"), ledger, cache, NOWHERE)
