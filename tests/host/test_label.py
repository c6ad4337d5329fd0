# SPDX-License-Identifier: MIT
"""Labels, read back by a reader of QR codes and a PDF renderer that are not ours."""

import io
import json
from dataclasses import replace

import pypdfium2
import pytest
import zxingcpp
from click.testing import CliRunner
from PIL import Image

from host import label
from host.cli import cli
from host.ledgers import open_ledger
from host.node import Node
from host.provision import Identity

DEV_EUI = bytes.fromhex("70b3d57ed0001234")
IDENTITY = Identity(
    "classroom-1", DEV_EUI, bytes.fromhex("a1b2c3d4e5f60708"), bytes.fromhex("5ec2e7") * 5 + b"!"
)
KEY = IDENTITY.app_key.hex()
QR = "LW:D0:A1B2C3D4E5F60708:70B3D57ED0001234:00000000"  # TR005 4.2, schema D0
SCALE = 150 / 72  # of a rendered page, in dots per point
NAMES = (
    "classroom-1",
    "Basisschool De Regenboog, groep 7, lokaal bij de trap",
    "lantaarnpaal_Breestraat_hoek_Maarsmansteeg_0042",
    "x" * 120,
    "a word " * 60,
)


def node_label(name="classroom-1", last=0x1234, **fields):
    identity = replace(IDENTITY, name=name, dev_eui=DEV_EUI[:6] + last.to_bytes(2, "big"))
    return label.Label(identity, **{"kit": "classroom", **fields})


def codes(image):
    return [found.text for found in zxingcpp.read_barcodes(image)]


def pages(data):
    document = pypdfium2.PdfDocument(data)
    return [document[number] for number in range(len(document))]


def words_of(page):
    return " ".join(page.get_textpage().get_text_bounded().split())


def test_the_qr_code_of_the_picture_is_tr005():
    image = Image.open(io.BytesIO(label.picture(node_label())))
    (found,) = zxingcpp.read_barcodes(image)
    assert found.text == QR
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    assert found.ec_level == "H"


def test_a_picture_is_the_label_at_300_dots_an_inch():
    image = Image.open(io.BytesIO(label.picture(node_label())))
    assert image.size == (round(99.1 / 25.4 * 300), round(38.1 / 25.4 * 300))
    assert [round(each) for each in image.info["dpi"]] == [300, 300]


def test_the_code_has_its_quiet_zone():
    """ISO/IEC 18004: 4 modules of white on each side, of 33 that the code has."""
    image = Image.open(io.BytesIO(label.picture(node_label(place="Breestraat 40"))))
    ink = image.point(lambda grey: 255 * (grey < 128))
    left, top, right, bottom = ink.crop((0, 0, image.width * 2 // 5 - 60, image.height)).getbbox()
    module = (right - left) // 33
    assert bottom - top == right - left == 33 * module and module >= 8
    words_begin = ink.crop((right, 0, image.width, image.height)).getbbox()[0]
    for white in (left, top, image.height - bottom, words_begin):
        assert white >= 4 * module


def test_a_code_with_a_scratch_is_read():
    image = Image.open(io.BytesIO(label.picture(node_label())))
    image.paste(255, (180, 170, 250, 240))  # a seventh of its modules, in the middle
    assert codes(image) == [QR]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12])
def test_nothing_runs_over_the_edge(name):
    """White all around: within the margin of a label nothing is printed."""
    image = Image.open(io.BytesIO(label.picture(node_label(name, place="Breestraat " * 9))))
    ink = image.point(lambda grey: 255 * (grey < 128)).getbbox()
    margin = round(2 / 25.4 * 300)
    assert ink[0] >= margin and ink[1] >= margin
    assert ink[2] <= image.width - margin and ink[3] <= image.height - margin


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name[:12])
def test_the_page_says_name_eui_kit_and_place(name):
    (page,) = pages(label.sheet([node_label(name, place="Breestraat 40")]))
    words = words_of(page)
    assert "70B3 D57E D000 1234" in words
    assert "Node071 · classroom" in words and "Breestraat 40" in words
    whole = words.replace(" ", "").startswith(name.replace(" ", ""))
    assert whole == (len(name) < 300) and ("…" in words) != whole


def test_a_name_is_as_large_as_it_fits():
    def size(name):
        (page,) = pages(label.sheet([node_label(name)]))
        _, low, _, high = page.get_textpage().get_charbox(0, loose=True)
        return high - low

    assert size("bin-7") > size("lantaarnpaal_0042_Breestraat") > size("x" * 120) > 7


def test_letters_that_the_font_lacks_lose_their_accent():
    (page,) = pages(label.sheet([node_label("Łódź Ősz 教")]))
    assert words_of(page).startswith("Łódz Osz ?")


def test_a_sheet_is_a4_of_14_labels():
    labels = [node_label(f"bin-{number}", number) for number in range(1, 17)]
    sheets = pages(label.sheet(labels))
    assert len(sheets) == 2
    for page in sheets:
        assert [round(points / 72 * 25.4) for points in page.get_size()] == [210, 297]
    found = [codes(page.render(scale=SCALE).to_pil()) for page in sheets]
    assert [len(each) for each in found] == [14, 2]
    euis = {text.split(":")[3] for each in found for text in each}
    assert euis == {each.identity.dev_eui.hex().upper() for each in labels}


@pytest.mark.parametrize(
    ("first", "count", "sheets"), [(1, 14, [14]), (14, 1, [1]), (13, 4, [2, 2])]
)
def test_labels_begin_where_the_sheet_is_free(first, count, sheets):
    labels = [node_label(f"bin-{number}", number) for number in range(count)]
    found = [page.render(scale=SCALE).to_pil() for page in pages(label.sheet(labels, first))]
    assert [len(codes(each)) for each in found] == sheets
    # the place of the first one: 2 a row, 99.1 by 38.1 mm from the corner of L7163
    (where,) = [
        each.position for each in zxingcpp.read_barcodes(found[0]) if "D0000000" in each.text
    ]
    row, column = divmod(first - 1, 2)
    x_mm, y_mm = (dots / 150 * 25.4 for dots in (where.top_left.x, where.top_left.y))
    assert 4.65 + column * 101.6 < x_mm < 4.65 + column * 101.6 + 15
    assert 15.15 + row * 38.1 < y_mm < 15.15 + row * 38.1 + 15


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "nodes.ledger"
    with open_ledger(path, plain_keys=True) as opened:
        for name, last in (("classroom-1", 1), ("lokaal 2/3", 2), ("lokaal 2?3", 3), ("old", 4)):
            opened.add(Node(node_label(name, last).identity, "rpi-pico-rfm95", "classroom"))
        opened.retire(opened.node("old").dev_eui)
    return path


def run(*words):
    return CliRunner().invoke(cli, [str(word) for word in words], prog_name="node071")


def test_the_command_writes_a_sheet_and_pictures(ledger, tmp_path):
    done = run("label", "--ledger", ledger, "--out", tmp_path / "street.pdf", "--png", "--json")
    assert done.exit_code == 0, done.stderr
    written = json.loads(done.stdout)["written"]
    names = ["street.pdf", "classroom-1.png", "lokaal_2_3.png", "lokaal_2_3-70b3d57ed0000003.png"]
    assert written == [str(tmp_path / name) for name in names]
    for path in written[1:]:
        assert len(codes(Image.open(path))) == 1
    (page,) = pages((tmp_path / "street.pdf").read_bytes())
    assert "old" not in words_of(page)


def test_the_command_takes_names(ledger, tmp_path):
    sheet = tmp_path / "labels.pdf"
    done = run("label", "lokaal 2/3", "--ledger", ledger, "--out", sheet)
    assert (done.exit_code, done.stdout) == (0, f"{sheet}\n")
    (page,) = pages(sheet.read_bytes())
    assert "lokaal 2/3" in words_of(page) and "classroom-1" not in words_of(page)
    assert not list(tmp_path.glob("*.png"))
    done = run("label", "nobody", "--ledger", ledger, "--out", sheet)
    assert done.exit_code == 1 and "no node 'nobody' in the ledger" in done.stderr


def test_no_key_is_on_a_label(ledger, tmp_path):
    sheet = tmp_path / "labels.pdf"
    done = run("label", "--ledger", ledger, "--out", sheet, "--png")
    (page,) = pages(sheet.read_bytes())
    said = words_of(page) + done.output + "".join(codes(page.render(scale=SCALE).to_pil()))
    assert "D57E" in said
    assert KEY[:8] not in said.replace(" ", "").lower()
