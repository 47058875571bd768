"""A contact sheet: a query above its ranked images, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from serving.pictures import PictureError, View
from serving.search.fonts import font_runs

TILE_PX = 208
GAP_PX = 16
MARGIN_PX = 32
PADDING_PX = 12
THUMBNAIL_PX = 72
MAX_UPSCALE = 3.0  # a 64 px emoji fills its tile; a smaller icon is not blown up into blocks
CAPTION_LINES = 2
TITLE_SIZE, CAPTION_SIZE, SMALL_SIZE = 26, 14, 13
LINE_HEIGHT = 1.35

PAPER, LINE = "#ffffff", "#e3e6ea"
INK, GREY, PLUS, MINUS = "#1b1f24", "#6b7480", "#1a7f4b", "#b3372f"


@dataclass(frozen=True)
class Query:
    """What was asked: an image, a text to add, a text to take away; None where not given."""

    image: bytes | None = None
    text: str | None = None
    minus_text: str | None = None


@dataclass(frozen=True)
class Hit:
    """One found image.

    Attributes:
      image: as encoded in its file.
      score: cosine with the query.
      caption: what to write below it.
    """

    image: bytes
    score: float
    caption: str


def contact_sheet(query: Query, hits: Sequence[Hit], *, columns: int = 4, note: str = "") -> Image.Image:
    """Draw a query and its hits, best first.

    Args:
      query: shown in the header.
      hits: shown as tiles, row by row, with rank and score.
      columns: tiles a row.
      note: a line in small print below the query, such as what was searched.

    Returns:
      An RGB picture.
    """
    columns = max(1, min(columns, len(hits) or 1))
    columns = max(columns, 3)  # the header needs that width
    rows = -(-len(hits) // columns)
    width = 2 * MARGIN_PX + columns * TILE_PX + (columns - 1) * GAP_PX
    tile_height = TILE_PX + _lines_px(1, SMALL_SIZE) + _lines_px(CAPTION_LINES, CAPTION_SIZE) + PADDING_PX // 2
    header = _header(query, note, width - 2 * MARGIN_PX)
    top = MARGIN_PX + header.height + GAP_PX
    sheet = Image.new("RGB", (width, top + rows * (tile_height + GAP_PX) - GAP_PX + MARGIN_PX), PAPER)
    sheet.paste(header, (MARGIN_PX, MARGIN_PX))
    for position, hit in enumerate(hits):
        row, column = divmod(position, columns)
        left = MARGIN_PX + column * (TILE_PX + GAP_PX)
        sheet.paste(_tile(position + 1, hit, tile_height), (left, top + row * (tile_height + GAP_PX)))
    return sheet


def wrap(text: str, size_px: int, width_px: int, lines: int) -> list[str]:
    """Break a text into at most `lines` lines of `width_px`, the last one ending in an ellipsis if text is left."""
    broken: list[str] = []
    rest = " ".join(text.split())
    while rest and len(broken) < lines:
        if _width(rest, size_px) <= width_px:
            return [*broken, rest]
        if len(broken) == lines - 1:
            return [*broken, _longest(rest, size_px, width_px, "…")]
        line = _longest(rest, size_px, width_px, "")
        space = line.rfind(" ") if not rest[len(line) :].startswith(" ") else len(line)
        if space > 0:
            line = line[:space]
        broken.append(line)
        rest = rest[len(line) :].lstrip()
    return broken


def _longest(text: str, size_px: int, width_px: int, ending: str) -> str:
    """Returns the longest prefix of `text` that fits with `ending` behind it, one character at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _width(text[:middle].rstrip() + ending, size_px) <= width_px:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + ending


def _width(text: str, size_px: int) -> float:
    return sum(font.getlength(part) for font, part in font_runs(text, size_px))


def _lines_px(lines: int, size_px: int) -> int:
    return round(lines * size_px * LINE_HEIGHT)


def _write(draw: ImageDraw.ImageDraw, left: float, top: float, text: str, size_px: int, colour: str) -> None:
    """Write one line whose letters stand on a common baseline, whichever fonts they come from."""
    for font, part in font_runs(text, size_px):
        draw.text((left, top + size_px), part, font=font, fill=colour, anchor="ls")
        left += font.getlength(part)


def _header(query: Query, note: str, width: int) -> Image.Image:
    """Draw the query: its image at the left, then one line a text with its sign, then the note."""
    left = THUMBNAIL_PX + GAP_PX if query.image is not None else 0
    texts = []  # (sign, text)
    if query.text is not None:
        texts.append(("+" if query.image is not None else "", query.text))
    if query.minus_text is not None:
        texts.append(("-", query.minus_text))
    parts = [part for sign, text in texts for part in _signed_lines(sign, text, width - left)]
    if not parts:
        parts = [("", 0, "Images like this one")]
    height = _lines_px(len(parts), TITLE_SIZE) + (_lines_px(1, SMALL_SIZE) + 6 if note else 0)
    header = Image.new("RGB", (width, max(height, THUMBNAIL_PX if left else 0) + GAP_PX), PAPER)
    draw = ImageDraw.Draw(header)
    if query.image is not None:
        header.paste(_picture(query.image, THUMBNAIL_PX, THUMBNAIL_PX), (0, 0))
    y = max(0, (THUMBNAIL_PX - height) // 2) if left else 0
    for sign, indent, line in parts:
        _sign(draw, left, y, sign)
        _write(draw, left + indent, y, line, TITLE_SIZE, INK)
        y += _lines_px(1, TITLE_SIZE)
    if note:
        _write(draw, left, y + 6, wrap(note, SMALL_SIZE, width - left, 1)[0], SMALL_SIZE, GREY)
    draw.line([(0, header.height - 1), (width, header.height - 1)], fill=LINE)
    return header


def _signed_lines(sign: str, text: str, width: int) -> list[tuple[str, int, str]]:
    """Returns (sign, indent in pixels, line) for each line of a quoted text; the sign stands at its head alone."""
    indent = TITLE_SIZE if sign else 0
    lines = wrap(f"“{text}”", TITLE_SIZE, width - indent, 2)
    return [(sign if number == 0 else "", indent, line) for number, line in enumerate(lines)]


def _sign(draw: ImageDraw.ImageDraw, left: int, top: int, sign: str) -> None:
    """Draw a plus or a minus before a line of the title, as strokes: not every font has a minus."""
    middle, reach, across = top + 0.68 * TITLE_SIZE, 0.28 * TITLE_SIZE, left + 0.34 * TITLE_SIZE
    colour = PLUS if sign == "+" else MINUS
    if sign:
        draw.line([(across - reach, middle), (across + reach, middle)], fill=colour, width=3)
    if sign == "+":
        draw.line([(across, middle - reach), (across, middle + reach)], fill=colour, width=3)


def _tile(rank: int, hit: Hit, height: int) -> Image.Image:
    tile = Image.new("RGB", (TILE_PX, height), PAPER)
    tile.paste(_picture(hit.image, TILE_PX, TILE_PX), (0, 0))
    draw = ImageDraw.Draw(tile)
    y = TILE_PX + PADDING_PX // 2
    _write(draw, 0, y, f"{rank}", SMALL_SIZE, GREY)
    score = f"{hit.score:.3f}"
    _write(draw, TILE_PX - _width(score, SMALL_SIZE), y, score, SMALL_SIZE, GREY)
    y += _lines_px(1, SMALL_SIZE)
    for line in wrap(hit.caption, CAPTION_SIZE, TILE_PX, CAPTION_LINES):
        _write(draw, 0, y, line, CAPTION_SIZE, INK)
        y += _lines_px(1, CAPTION_SIZE)
    return tile


def _picture(encoded: bytes, width: int, height: int) -> Image.Image:
    """Returns an image whole, fitted into a panel; what Pillow cannot decode is said on the panel."""
    panel = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(panel)
    draw.rounded_rectangle([(0, 0), (width - 1, height - 1)], radius=10, outline=LINE)
    try:
        picture = View(encoded).pixels()
    except PictureError:
        words = "not decodable"
        _write(draw, (width - _width(words, SMALL_SIZE)) / 2, (height - SMALL_SIZE) / 2, words, SMALL_SIZE, GREY)
        return panel
    inset = PADDING_PX if width > THUMBNAIL_PX else PADDING_PX // 2
    scale = min((width - 2 * inset) / picture.width, (height - 2 * inset) / picture.height, MAX_UPSCALE)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    panel.paste(picture, ((width - size[0]) // 2, (height - size[1]) // 2))
    return panel
