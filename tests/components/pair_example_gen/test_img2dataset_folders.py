"""img2dataset's default output, a folder a shard, becomes shards by the command that docs/formats.md gives."""

import json
import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import standard_artifacts

from components import schema
from components.artifact_files import INGEST_REPORT_FILE
from components.artifacts import IngestReport
from components.pair_example_gen.executor import Executor

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
LOST = 2  # of each folder: not downloaded, and so in its Parquet file alone


@pytest.fixture
def written(tmp_path, make_image):
    """Two folders of four records as img2dataset's FilesSampleWriter writes them, packed by the documented command."""
    for shard in range(2):
        folder = tmp_path / f"{shard:05d}"
        folder.mkdir()
        rows = []
        for number in range(4):
            key, found = f"{shard:05d}{number:04d}", number != LOST
            row = {"key": key, "url": f"https://a.b/{key}", "caption": f"a cat {key}", "LANGUAGE": "de"}
            rows.append({**row, "status": "success" if found else "failed_to_download"})
            if found:
                (folder / f"{key}.jpg").write_bytes(make_image(seed=10 * shard + number, kind="JPEG"))
                (folder / f"{key}.txt").write_text(row["caption"])
                (folder / f"{key}.json").write_text(json.dumps(rows[-1], indent=4))
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{shard:05d}.parquet")
        (tmp_path / f"{shard:05d}_stats.json").write_text(json.dumps({"count": 4, "successes": 3}))
    (command,) = re.findall(r"img2dataset's folders.*\| `(.*)` \|", PAGE.read_text(encoding="utf-8"))
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("format_", "language"), [("tar", "und"), ("laion", "de")]
)  # the one reads .txt, the other .json and the Parquet file beside the tar
def test_every_picture_has_its_own_caption(written, run_executor, read_examples, make_image, format_, language):
    config = {"shards": str(written), "format": format_, "hash_split": {"train": 1}}
    outputs = run_executor(
        Executor, {}, {"examples": standard_artifacts.Examples, "report": IngestReport}, {"ingest": config}
    )
    found = {
        example[schema.CAPTION_TEXT][0]: (example[schema.IMAGE_ENCODED][0], example[schema.CAPTION_LANGUAGE])
        for example in read_examples(outputs["examples"], "train")
    }
    assert found == {
        f"a cat {shard:05d}{number:04d}": (make_image(seed=10 * shard + number, kind="JPEG"), [language])
        for shard in range(2)
        for number in range(4)
        if number != LOST
    }
    report = json.loads((Path(outputs["report"].uri) / INGEST_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["splits"]["train"]["images"] == {"read": 6, "kept": 6, "dropped": {}}
