"""What ExampleValidator found, in words, and the rule that stops a run on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import anomalies_pb2

ERROR = "ERROR"
MOST_NAMED = 3  # anomalies that the sentence spells out
_MOST_CHARACTERS = 200  # of what TFDV says of one, which may list every value it did not expect


@dataclass(frozen=True)
class Anomaly:
    """One way in which the statistics of a split break the schema.

    Attributes:
      split: name of the split.
      feature: name of the feature; "" where it is the split as a whole.
      severity: "ERROR", "WARNING" or "UNKNOWN", as TFDV has it.
      kind: what is wrong in a few words, such as "Unexpected string values".
      what: the same with what was found, such as "Examples contain values missing from the schema: de (~25%)".
    """

    split: str
    feature: str
    severity: str
    kind: str
    what: str


def read_anomalies(message: bytes, split: str) -> list[Anomaly]:
    """Returns the anomalies of a split, features by name, from what ExampleValidator wrote of it.

    Raises:
      ValueError: where the message is damaged.
    """
    try:
        found = anomalies_pb2.Anomalies.FromString(message)
    except DecodeError as error:
        raise ValueError(f"the anomalies of split {split!r} cannot be read: {error}; make them anew") from error
    if found.data_missing:  # TFDV then says nothing else
        return [Anomaly(split, "", ERROR, "No Examples", "the split holds no Examples")]
    whole = [("", found.dataset_anomaly_info)] if found.HasField("dataset_anomaly_info") else []
    return [
        Anomaly(
            split,
            feature,
            anomalies_pb2.AnomalyInfo.Severity.Name(info.severity),
            _in_one_line(info.short_description),
            _in_one_line(info.description),
        )
        for feature, info in (*whole, *sorted(found.anomaly_info.items()))
    ]


def refuse_errors(anomalies: Sequence[Anomaly], schema: str | None) -> None:
    """Stop a run whose data break the schema.

    Args:
      anomalies: of all splits; those of another severity than ERROR stop nothing.
      schema: path of the schema that was curated, None where it was inferred.

    Raises:
      ValueError: where one is of severity ERROR, naming splits, features, what is wrong and the remedy.
    """
    errors = [anomaly for anomaly in anomalies if anomaly.severity == ERROR]
    if not errors:
        return
    named = "; ".join(_describe(error) for error in errors[:MOST_NAMED])
    more = f"; and {len(errors) - MOST_NAMED} more" if len(errors) > MOST_NAMED else ""
    allow = f"allow it in validation.schema = {schema!r}" if schema else "set validation.schema to one that allows it"
    raise ValueError(
        f"the data break the schema: {named}{more}; mend the data, {allow}, or set validation.on_anomalies to 'report'"
    )


def _describe(anomaly: Anomaly) -> str:
    feature = f", feature {anomaly.feature!r}" if anomaly.feature else ""
    return f"split {anomaly.split!r}{feature}: {anomaly.what}"


def _in_one_line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]} ..."
