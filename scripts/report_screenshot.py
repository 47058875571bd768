"""Takes the README's picture of a report: its head and its example queries, in headless Chromium, as a small PNG.

Usage: .venv/bin/python scripts/report_screenshot.py output/align-demo/runs/RUN/report.html [docs/assets/report.png]
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

SIZE_PX = (1100, 890)
COLOURS = 128
KEPT = "Example queries"  # of the sections; the report's policy lets no script cut the others away
SECTION = re.compile(r"<section[ >].*?</section>", re.DOTALL)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main(report: Path, png: Path = Path("docs/assets/report.png")) -> None:
    """Write the head of a report and its example queries as a PNG with a palette."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is on the PATH; install one")
    if not report.is_file():
        raise SystemExit(f"{report} is no file; give the report.html of a finished run")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", f"--user-data-dir={folder}/home"]
        size = "--window-size={},{}".format(*SIZE_PX)
        cut = Path(folder) / "report.html"
        whole = report.read_text(encoding="utf-8")
        cut.write_text(SECTION.sub(lambda one: one[0] if KEPT in one[0] else "", whole), encoding="utf-8")
        subprocess.run([browser, *options, size, f"--screenshot={shot}", cut.as_uri()], check=True, capture_output=True)
        png.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.open(shot).convert("RGB")
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(png, optimize=True)
    print(f"{png}: {png.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
