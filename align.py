"""The artifact types under their type names, such as align.FilterReport: TFX imports them by these in a cluster's pods.

A type name may hold one dot there, so that no module inside a package will do. Nothing else imports this file.
"""

from components.artifacts import Captions, FilterReport, IngestReport, RecordCounts, Vocabulary

__all__ = ["Captions", "FilterReport", "IngestReport", "RecordCounts", "Vocabulary"]
