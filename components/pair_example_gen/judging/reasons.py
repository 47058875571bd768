"""Why a record or a caption is left out at ingest; each name appears in the report with its count."""

from __future__ import annotations

# A file that breaks off. The record that it broke off in counts as one; those behind it cannot be counted.
TRUNCATED_MEMBER = "truncated_member"  # the file ends inside a member
CORRUPT_SHARD = "corrupt_shard"  # a header or the compression is damaged: nothing behind it can be found
SHARD_WITHOUT_END = "shard_without_end"  # the file stops between two members without the mark that ends a tar
DATA_BEHIND_END = "data_behind_end"  # what stands behind the mark that ends a tar is no tar
CORRUPT_FILE = "corrupt_file"  # the same of a Parquet, TFRecord, CSV, TSV or JSON file

# Records, before their image is looked at.
UNUSED_MEMBER = "unused_member"  # a file of a tar that belongs to no record, or a record's further image
SPECIAL_MEMBER = "special_member"  # a link, a sparse file or a device in a tar: its content does not stand there
UNSAFE_NAME = "unsafe_name"  # a member's name is absolute or climbs out of its folder
UNKNOWN_TYPE = "unknown_type"  # a column in use has a type or an encoding that this pyarrow does not read
DAMAGED_RECORD = "damaged_record"  # a checksum is wrong, or what it holds is not of the format
MALFORMED_ROW = "malformed_row"  # another number of values than the header, or quotes that do not match
UNKNOWN_SPLIT = "unknown_split"
NO_METADATA = "no_metadata"  # no row of the metadata belongs to the image
IMAGE_PATH_OUTSIDE = "image_path_outside"  # the path leaves the image folder; it is never opened
IMAGE_MISSING = "image_missing"

# Images, in the order in which they are checked.
MEMBER_TOO_LARGE = "member_too_large"
NO_IMAGE = "no_image"
IMAGE_FORMAT_NOT_SUPPORTED = "image_format_not_supported"
IMAGE_TOO_LARGE = "image_too_large"
IMAGE_NOT_DECODABLE = "image_not_decodable"
METADATA_NOT_JSON = "metadata_not_json"
DUPLICATE_KEY = "duplicate_key"  # a JSON object or a header has one name twice, or a key has two different rows
METADATA_DAMAGED = "metadata_damaged"  # the Parquet file beside the shard is there and cannot be read
OF_METADATA = (METADATA_NOT_JSON, DUPLICATE_KEY, METADATA_DAMAGED)  # flaws that leave the image as good as any
LABEL_NOT_TEXT = "label_not_text"
NO_CAPTION = "no_caption"

# Captions.
NOT_UTF8 = "not_utf8"
NOT_TEXT = "not_text"
EMPTY = "empty"

# Captions that are kept all the same.
LANGUAGE_UNKNOWN = "language_unknown"  # the language field holds no language tag, or not one for each caption


class Refused(Exception):
    """A record that is left out, with the reason's name and what was found."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
