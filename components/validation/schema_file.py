"""The schema file that a user curates, looked at before TFX imports it."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2


def check_schema(path: str) -> None:
    """Raise ValueError where a local file is missing or no schema; of a gs:// address only TFX can tell, as it runs."""
    where = f"validation.schema is {path!r}"
    if path.startswith(("s3://", "hdfs://")):
        raise ValueError(
            f"{where}, which TensorFlow, by which TFX reads it, cannot; name a local file or a gs:// address"
        )
    if "://" in path:
        return
    if not Path(path).is_file():
        raise ValueError(
            f"{where}, which is no file; name a schema.pbtxt, such as a run leaves in its artifacts/SchemaGen"
        )
    try:
        text_format.Parse(Path(path).read_text(encoding="utf-8"), schema_pb2.Schema())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{where}, which is no schema ({' '.join(str(error).split())}); mend that line") from error
