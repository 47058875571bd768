"""Made pictures that a search server holds, hostile captions among them, and a page of it that is open in a browser."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from serving.search.shards.schema import vector_column

AXE = Path(__file__).parents[2] / ".tools/page/node_modules/axe-core/axe.min.js"
HOSTILE = '<img src=x onerror=alert(1)>"><script>alert(2)</script>'
CAPTIONS = (
    ("a red wall", "en"), ("ein roter Ziegel", "de"), (HOSTILE, "en"), ("قطة حزينة", "ar"), ("两只猫", "zh"),
    ("חתול", "he"), ("", None), ("a caption that goes on and on, of walls, bricks, fields, seas", "en"),
)  # fmt: skip
SIZES = ((64, 48), (48, 64), (200, 50), (64, 64), (40, 160))
PICTURES = 60
LAST = PICTURES - 1
DIMENSION = 3 + PICTURES
COPY, COPIED = 45, 40  # one picture twice


def pixels(number: int) -> tuple[int, int, int]:
    """Returns the colour of a picture: from red, the first, to blue, the last, with some green between."""
    return 255 - 255 * number // LAST, 40 * (number % 3), 255 * number // LAST


def drawn(number: int) -> bytes:
    """Returns a picture as a PNG."""
    number = COPIED if number == COPY else number
    file = io.BytesIO()
    Image.new("RGB", SIZES[number % len(SIZES)], pixels(number)).save(file, "PNG")
    return file.getvalue()


class NumberedEncoder:
    """An image is its colour and its number, which its blue tells; a text is the colours that it names.

    So the reddest picture is the first for "red", and no two are near duplicates.
    """

    fingerprint = "numbered colours"

    def encode_image(self, images):
        """Returns [n, DIMENSION]."""
        colours = [np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), float)[0, 0] for image in images]
        numbers = [round(colour[2] * LAST / 255) for colour in colours]
        return self._unit(np.stack(colours) / 255, np.eye(PICTURES)[numbers])

    def encode_text(self, texts):
        """Returns [n, DIMENSION]."""
        colours = [[word in text.split() for word in ("red", "green", "blue")] for text in texts]
        return self._unit(np.array(colours, float) + 0.01, np.zeros((len(texts), PICTURES)))

    @staticmethod
    def _unit(colours, numbers):
        joined = np.concatenate([colours, numbers], axis=1)
        return (joined / np.linalg.norm(joined, axis=1, keepdims=True)).astype(np.float32)


def rows(numbers: range) -> Any:
    """Returns pictures as a store takes them: hostile captions and file names among them."""
    files = [drawn(number) for number in numbers]
    said = [CAPTIONS[number % len(CAPTIONS)] for number in numbers]
    return pa.table(
        {
            "id": [f"picture {number}" for number in numbers],
            "vector": vector_column(NumberedEncoder().encode_image(files)),
            "caption": pa.array([caption for caption, _ in said], pa.string()),
            "language": pa.array([language for _, language in said], pa.string()),
            "label": [HOSTILE if number % 2 else "wall" for number in numbers],
            "source": [f"/data/{HOSTILE}.tar" if number % 3 else "/data/walls.tar" for number in numbers],
            "url": ["javascript:alert(3)" if number % 2 else "https://example.org/wall.png" for number in numbers],
            "row": pa.array(list(numbers), pa.int64()),
            "width": pa.array([SIZES[number % len(SIZES)][0] for number in numbers], pa.int32()),
            "height": pa.array([SIZES[number % len(SIZES)][1] for number in numbers], pa.int32()),
            "sha256": [hashlib.sha256(file).hexdigest() for file in files],
        }
    )


class Opened:
    """A page in the browser, and what went wrong in it: errors of scripts, of its policy, of loading, and dialogs.

    Attributes:
      page: playwright's.
      wrong: what went wrong; a test that expects some takes it out.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: said.type in {"error", "warning"} and self.wrong.append(said.text))
        page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))

    def open(self, path: str = "/") -> None:
        """Open an address of the server, and wait for its answer."""
        self.page.goto(self.address + path)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being asked, and every picture that is seen has come."""
        self.page.wait_for_selector("#results[aria-busy=false]", state="attached")
        self.page.evaluate(
            "Promise.all([...document.querySelectorAll('img')].filter((image) => image.loading !== 'lazy')"
            ".map((image) => image.decode().catch(() => null)))"
        )

    def ask(self, words: str) -> None:
        """Type words into the box and press Enter."""
        self.page.fill("#words", words)
        self.page.press("#words", "Enter")
        self.settle()

    def ids(self, column: int = 0) -> list[str]:
        """Returns the ids of the pictures that are shown, in their order."""
        return (
            self.page.locator(".column")
            .nth(column)
            .locator("button.tile")
            .evaluate_all("tiles => tiles.map(tile => tile.dataset.id)")
        )

    def tally(self) -> str:
        """Returns the line that says how many and how fast."""
        return self.page.inner_text("#tally")

    def query(self) -> str:
        """Returns the address's query string."""
        return self.page.evaluate("location.search")

    def violations(self) -> list[str]:
        """Returns what axe-core finds."""
        if not AXE.is_file():
            pytest.skip(f"{AXE} is not there; `make test-page` fetches it")
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run()")["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in found for node in rule["nodes"]
        ]
