# SPDX-License-Identifier: MIT
"""Labels for nodes: who it is, and the QR code that the app of a network reads; never a key."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import reportlab
import segno
from PIL import Image, ImageDraw, ImageFont
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from host.export import file_stem
from host.provision import Identity

PER_SHEET = 14  # of A4, 2 by 7, each 99.1 by 38.1 mm: L7163 and its equals
_WIDTH_MM, _HEIGHT_MM = 99.1, 38.1
_LEFT_MM, _TOP_MM, _COLUMN_MM, _PAGE_MM = 4.65, 15.15, 101.6, 297.0
_MARGIN_MM = 2.5  # a printer shifts a sheet by a millimetre or two
_QR_MM = _HEIGHT_MM - 2 * _MARGIN_MM  # with its quiet zone
_QUIET = 4  # modules around a QR code (ISO/IEC 18004)
_TEXT_MM = _MARGIN_MM + _QR_MM  # where the words begin
_ROOM_MM = _WIDTH_MM - _TEXT_MM - _MARGIN_MM
_NAME_MM = 16.5  # the height that a name may fill, in the largest size in which it does
_NAME_PT = (22, 20, 18, 16, 14, 12, 10, 8)
_SMALL_PT, _EUI_PT, _LEADING = 9, 13, 1.15
_EUI_MM, _PLACE_MM, _KIT_MM = 27.0, 31.2, 35.2  # base lines
_MM_PER_PT, _DOTS_PER_MM = 25.4 / 72, 300 / 25.4
_GREY = 0.75
_FONTS = ("Vera", "VeraBd")  # plain and bold; they come with reportlab
_NO_PROFILE = "00000000"  # VendorID and VendorProfileID, which the LoRa Alliance did not assign


@dataclass(frozen=True)
class Label:
    """What stands on one label."""

    identity: Identity
    kit: str
    place: str = ""


@dataclass(frozen=True)
class _Line:
    """A line of text, its base line in mm from the top of the label."""

    y_mm: float
    size_pt: float
    bold: bool
    text: str


def tr005(identity: Identity) -> str:
    """What the QR code says (LoRa Alliance TR005, schema D0)."""
    join_eui, dev_eui = identity.join_eui.hex().upper(), identity.dev_eui.hex().upper()
    return f"LW:D0:{join_eui}:{dev_eui}:{_NO_PROFILE}"


def sheet(labels: Sequence[Label], first: int = 1) -> bytes:
    """A PDF of A4 sheets; `first` is the place, from 1, of the first label that is still free."""
    target = BytesIO()
    canvas = Canvas(target, pagesize=(210 / _MM_PER_PT, _PAGE_MM / _MM_PER_PT), invariant=1)
    canvas.setTitle("Node071 labels")
    for place, label in enumerate(labels, first - 1):
        if place and place % PER_SHEET == 0:
            canvas.showPage()
        row, column = divmod(place % PER_SHEET, 2)
        left_mm = _LEFT_MM + column * _COLUMN_MM
        _print(canvas, label, left_mm, _PAGE_MM - _TOP_MM - row * _HEIGHT_MM)
    canvas.save()
    return target.getvalue()


def write(
    labels: Sequence[Label], path: Path, first: int = 1, pictures: bool = False
) -> list[Path]:
    """Write the sheet, and beside it a picture of each label: the files that were written."""
    path.write_bytes(sheet(labels, first))
    written = [path]
    for label in labels if pictures else ():
        stem = file_stem(label.identity.name)
        picture_path = path.with_name(f"{stem}.png")
        if picture_path in written:
            picture_path = path.with_name(f"{stem}-{label.identity.dev_eui.hex()}.png")
        picture_path.write_bytes(picture(label))
        written.append(picture_path)
    return written


def _print(canvas: Any, label: Label, left_mm: float, top_mm: float) -> None:
    """Draw a label; in a PDF heights count from the bottom."""
    canvas.saveState()
    canvas.scale(1 / _MM_PER_PT, 1 / _MM_PER_PT)
    canvas.translate(left_mm, top_mm)
    canvas.setLineWidth(0.1)
    canvas.setStrokeGray(_GREY)  # where to cut plain paper
    canvas.rect(0, -_HEIGHT_MM, _WIDTH_MM, _HEIGHT_MM)
    modules, runs = _qr(label.identity)
    module_mm, path = _QR_MM / modules, canvas.beginPath()
    for column, row, length in runs:
        y_mm = _MARGIN_MM + (row + 1) * module_mm
        path.rect(_MARGIN_MM + column * module_mm, -y_mm, length * module_mm, module_mm)
    canvas.drawPath(path, stroke=0, fill=1)
    for line in _lines(label):
        canvas.setFont(_font(line.bold), line.size_pt * _MM_PER_PT)
        canvas.drawString(_TEXT_MM, -line.y_mm, line.text)
    canvas.restoreState()


def picture(label: Label) -> bytes:
    """A PNG of one label, at 300 dots per inch."""
    size = round(_WIDTH_MM * _DOTS_PER_MM), round(_HEIGHT_MM * _DOTS_PER_MM)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    modules, runs = _qr(label.identity)
    module = int(_QR_MM * _DOTS_PER_MM / modules)  # whole dots: no scanner meets a blurred edge
    left, top = round(_MARGIN_MM * _DOTS_PER_MM), (size[1] - module * modules) // 2
    for column, row, length in runs:
        x, y = left + column * module, top + row * module
        draw.rectangle((x, y, x + length * module - 1, y + module - 1), 0)
    for line in _lines(label):
        size_dots = line.size_pt * _MM_PER_PT * _DOTS_PER_MM
        font = ImageFont.truetype(_font_file(line.bold), size_dots)
        at = _TEXT_MM * _DOTS_PER_MM, line.y_mm * _DOTS_PER_MM
        draw.text(at, line.text, 0, font, anchor="ls")
    target = BytesIO()
    image.save(target, "PNG", dpi=(300, 300))
    return target.getvalue()


def _qr(identity: Identity) -> tuple[int, list[tuple[int, int, int]]]:
    """How many modules wide, and the dark ones as (column, row, length), quiet zone included.

    Error correction H: a third of it may be scratched or dirty.
    """
    code = segno.make(tr005(identity), error="h", micro=False)
    rows = [bytes(row) for row in code.matrix_iter(border=_QUIET)]
    runs = [
        (found.start(), number, len(found[0]))
        for number, row in enumerate(rows)
        for found in re.finditer(b"\1+", row)
    ]
    return len(rows), runs


def _lines(label: Label) -> Iterator[_Line]:
    """The words beside the QR code: the name as large as it fits, DevEUI, kit, place."""
    name = _printable(label.identity.name)
    for size_pt in _NAME_PT:
        wrapped = _wrapped(name, size_pt)
        room = int(_NAME_MM / (size_pt * _MM_PER_PT * _LEADING))
        if len(wrapped) <= room:
            break
    else:
        wrapped = [*wrapped[: room - 1], _cut("".join(wrapped[room - 1 :]), size_pt, True)]
    for number, text in enumerate(wrapped):
        y_mm = _MARGIN_MM + size_pt * _MM_PER_PT * (1 + number * _LEADING)
        yield _Line(y_mm, size_pt, True, text.strip())
    eui = label.identity.dev_eui.hex().upper()
    yield _Line(_EUI_MM - _EUI_PT * _MM_PER_PT, _SMALL_PT, False, "DevEUI")
    yield _Line(_EUI_MM, _EUI_PT, True, " ".join(re.findall("....", eui)))
    for y_mm, text in ((_PLACE_MM, label.place), (_KIT_MM, f"Node071 · {label.kit}")):
        yield _Line(y_mm, _SMALL_PT, False, _cut(_printable(text), _SMALL_PT, False))


def _wrapped(text: str, size_pt: float) -> list[str]:
    """Lines that fit, broken behind spaces and marks, or anywhere in a word that is too long."""
    lines = [""]
    for word in re.findall(r"[^\s_./-]*[\s_./-]*", text):
        if lines[-1] and not _fits(lines[-1] + word.rstrip(), size_pt, True):
            lines.append("")
        while not _fits(word.rstrip(), size_pt, True):
            end = next(n for n in range(len(word), 0, -1) if _fits(word[:n], size_pt, True))
            lines[-1], word = word[:end], word[end:]
            lines.append("")
        lines[-1] += word
    return lines


def _cut(text: str, size_pt: float, bold: bool) -> str:
    if _fits(text, size_pt, bold):
        return text
    return next(
        shorter
        for end in range(len(text), -1, -1)
        if _fits(shorter := f"{text[:end]}…", size_pt, bold)
    )


def _fits(text: str, size_pt: float, bold: bool) -> bool:
    return bool(pdfmetrics.stringWidth(text, _font(bold), size_pt) * _MM_PER_PT <= _ROOM_MM)


def _printable(text: str) -> str:
    """The text in letters that the fonts have: an accent that is missing is left out."""
    known, found = pdfmetrics.getFont(_font(True)).face.charToGlyph, []
    for letter in " ".join(text.split()):
        choices = (letter, unicodedata.normalize("NFKD", letter)[0], "?")
        found.append(next(each for each in choices if ord(each) in known))
    return "".join(found)


@cache
def _font(bold: bool) -> str:
    """The name of a font, made known to reportlab."""
    pdfmetrics.registerFont(TTFont(_FONTS[bold], _font_file(bold)))
    return _FONTS[bold]


def _font_file(bold: bool) -> str:
    return str(Path(reportlab.__file__).with_name("fonts") / f"{_FONTS[bold]}.ttf")
