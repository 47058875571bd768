"""The options of Beam's job server for Flink that Beam's Python does not know by itself. Imports no Beam.

From FlinkPipelineOptions and PortablePipelineOptions of Beam 2.70, whose page on the Flink runner explains them; `make
test-flink` holds them against what a real job server says of itself. Left out are those that steer streaming jobs,
since no component of a TFX pipeline runs one, and the switches that are on as they come (operator_chaining,
attached_mode, ...), since Beam's Python spells these by a flag that turns them off.
"""

from __future__ import annotations

INTEGER, TEXT, SWITCH = "a whole number", "text", "a switch"
FLINK_OPTIONS = {
    "disable_metrics": SWITCH,
    "environment_expiration_millis": INTEGER,
    "execution_mode_for_batch": TEXT,
    "execution_retry_delay": INTEGER,
    "faster_copy": SWITCH,
    "file_input_split_max_size_m_b": INTEGER,
    "flink_conf_dir": TEXT,
    "job_check_interval_in_secs": INTEGER,
    "load_balance_bundles": SWITCH,
    "max_bundle_size": INTEGER,
    "max_bundle_time_mills": INTEGER,
    "number_of_execution_retries": INTEGER,
    "object_reuse": SWITCH,
    "re_iterable_group_by_key_result": SWITCH,
    "semi_persist_dir": TEXT,
    "use_data_stream_for_batch": SWITCH,
}
CHOICES = {"execution_mode_for_batch": ("PIPELINED", "PIPELINED_FORCED", "BATCH", "BATCH_FORCED")}
