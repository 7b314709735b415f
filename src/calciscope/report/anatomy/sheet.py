"""Pictures side by side under a line of text."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from calciscope.report.anatomy.section import Colour

_LINE = 15
_GAP = 3
_INK: Colour = (255, 226, 90)
# Successive hues this far apart stay apart however many there are (the golden ratio).
_HUE_STEP = 0.381966


def colour_of(number: int) -> Colour:
    """A bright colour for the n-th of many things."""
    red, green, blue = colorsys.hsv_to_rgb((number * _HUE_STEP) % 1.0, 0.75, 1.0)
    return (round(255 * red), round(255 * green), round(255 * blue))


def captioned(images: Sequence[Image.Image], text: str, colour: Colour = _INK) -> Image.Image:
    """Images in a row under a line of text, which is cut to their width."""
    wide = sum(image.width for image in images) + _GAP * (len(images) - 1)
    sheet = Image.new("RGB", (wide, _LINE + max(image.height for image in images)))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    while text and draw.textlength(text, font=font) > wide - 4:
        text = text[:-1]
    draw.text((2, 1), text, fill=colour, font=font)
    left = 0
    for image in images:
        sheet.paste(image, (left, _LINE))
        left += image.width + _GAP
    return sheet


def tiled(images: Sequence[Image.Image], columns: int) -> Image.Image:
    """Images in rows of ``columns``."""
    cell = (max(image.width for image in images) + _GAP, max(image.height for image in images) + _GAP)
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (cell[0] * min(columns, len(images)), cell[1] * rows), (40, 40, 40))
    for n, image in enumerate(images):
        sheet.paste(image, (n % columns * cell[0], n // columns * cell[1]))
    return sheet


def legend(entries: Sequence[tuple[str, Colour]], width: int) -> Image.Image:
    """Names in their colours, in columns, ``width`` pixels wide."""
    column = 270
    columns = max(1, width // column)
    sheet = Image.new("RGB", (width, _LINE * -(-len(entries) // columns) + 4))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    for n, (name, colour) in enumerate(entries):
        draw.text((4 + n % columns * column, 2 + n // columns * _LINE), name, fill=colour, font=font)
    return sheet


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Images below each other."""
    sheet = Image.new("RGB", (max(image.width for image in images), sum(image.height for image in images)))
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height
    return sheet
