#!/usr/bin/env python
"""Starts Beam's Python worker as a TaskManager asks for it: the part that the `boot` of Beam's container images plays.

It installs nothing. Packages that the job brings along (TFX always brings itself) are left alone, since the environment
that runs this has all of them.
"""

from __future__ import annotations

import argparse
import os
import sys

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from google.protobuf import json_format, text_format

PROVISION_TIMEOUT_S = 60


def main() -> None:
    """Ask the runner what this worker is to connect to and become Beam's worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--id", required=True)
    parser.add_argument("--provision_endpoint", required=True)
    asked, _ = parser.parse_known_args()
    with grpc.insecure_channel(asked.provision_endpoint) as channel:
        provision = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        answer = provision.GetProvisionInfo(
            beam_provision_api_pb2.GetProvisionInfoRequest(),
            metadata=[("worker_id", asked.id)],
            timeout=PROVISION_TIMEOUT_S,
            wait_for_ready=True,
        )
    info = answer.info
    os.environ |= {
        "WORKER_ID": asked.id,
        "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.control_endpoint),
        "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(info.logging_endpoint),
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options, indent=None),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    module = "apache_beam.runners.worker.sdk_worker_main"
    os.execv(sys.executable, [sys.executable, "-m", module])


if __name__ == "__main__":
    main()
