"""What the files inside of the artifacts are called; artifacts.py draws the folders that they stand in."""

INGEST_REPORT_FILE = "ingest_report.json"
FILTER_REPORT_FILE = "filter_report.json"
RECORD_COUNTS_FILE = "record_counts.json"
VOCABULARY_FILE = "vocab.txt"
VOCABULARY_REPORT_FILE = "vocabulary_report.json"
