# One door per chore, the same for people and for .ci/run; `make help` lists them.

PYTHON := $(shell scripts/native_python)
OTHER_PYTHON := $(if $(filter 3.10,$(PYTHON)),3.11,3.10)
STAMP := .venv/whole-with-python-$(PYTHON)
DOCS_STAMP := .docs-venv/whole
CLUSTER_STAMP := .cluster-venv/whole
CLIENTS_STAMP := .clients-venv/whole
MILVUS_STAMP := .milvus-venv/whole
GRPCURL := .tools/clients/grpcurl
AXE := .tools/page/node_modules/axe-core/axe.min.js

.PHONY: setup demo test check docs lock bench bench-filter flink flink-down test-flink image test-image test-remote test-workers test-clients test-page test-cluster test-hostile test-milvus test-other-stack clean help

setup: $(STAMP)  ## make .venv from requirements.lock (PYTHON=3.11 overrides the stack)

$(STAMP): requirements.lock pyproject.toml
	@scripts/setup $(PYTHON) $@

demo: setup  ## run the pipeline end to end on the demo data, ending on a report and an index to search
	@.venv/bin/align run --config demo --open
	@.venv/bin/align index build --config demo

test: setup  ## run the tests, their files in two processes; they and what they start keep their bytecode
	PYTHONDONTWRITEBYTECODE= .venv/bin/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: setup  ## lint, format and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

docs: setup $(DOCS_STAMP)  ## build the documents' site into build/site, every link checked
	@NO_MKDOCS_2_WARNING=1 .docs-venv/bin/mkdocs build --quiet --strict
	@echo "The documents are in build/site/index.html"

$(DOCS_STAMP): docs/requirements.lock
	@scripts/uv venv --quiet --no-config --clear --python .venv/bin/python .docs-venv
	@scripts/uv pip sync --quiet --python .docs-venv/bin/python --require-hashes docs/requirements.lock
	@touch $@

COMPILE := scripts/uv pip compile --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" --quiet
BOTH_STACKS := --universal --python-version 3.10
IMAGE_STACK := --python-version 3.11 --python-platform x86_64-manylinux_2_40

lock:  ## renew the six locks from pyproject.toml (UPGRADE=--upgrade moves every pin)
	$(COMPILE) $(BOTH_STACKS) $(UPGRADE) --all-extras --group dev pyproject.toml --output-file requirements.lock
	$(COMPILE) $(BOTH_STACKS) $(UPGRADE) --group docs --output-file docs/requirements.lock
	$(COMPILE) $(BOTH_STACKS) $(UPGRADE) --group clients --output-file tests/clients/requirements.lock
	$(COMPILE) $(BOTH_STACKS) $(UPGRADE) --group cluster --output-file tests/cluster/requirements.lock
	$(COMPILE) $(BOTH_STACKS) $(UPGRADE) --group milvus-server --output-file tests/milvus/requirements.lock
	$(COMPILE) $(IMAGE_STACK) $(UPGRADE) --extra worker --group image --constraints requirements.lock \
		--excludes deploy/image/excluded.txt pyproject.toml --output-file deploy/image/requirements.lock

bench: setup  ## measure the demo's published figures
	.venv/bin/python -m benchmarks.demo.quality

bench-filter: setup  ## measure the filter's exactness, speed, growth and skew (hours on two cores)
	for of in exactness speed text_rules scale skew; do .venv/bin/python -m benchmarks.filter.$$of || exit 1; done

flink: setup  ## bring up a Flink cluster on this machine for align run --beam flink (needs java and mvn)
	@.venv/bin/python scripts/flink/cluster.py up

flink-down: setup  ## end the cluster of make flink
	@.venv/bin/python scripts/flink/cluster.py down

test-flink: setup  ## run the data components on Flink, kill a TaskManager and a job half-way (minutes)
	.venv/bin/pytest -m flink tests/flink

IMAGE := align-tfx:dev

image:  ## build the container image IMAGE=align-tfx:dev with docker, podman or buildah
	@scripts/image $(IMAGE)

test-image: setup  ## run IMAGE's components, server, Beam workers and compose.yaml (minutes; needs docker or podman)
	@ALIGN_IMAGE=$(IMAGE) .venv/bin/pytest -m image tests/image $(if $(and $(shell which java),$(shell which mvn)),tests/flink)

test-remote: setup  ## read from real S3, GCS and HDFS servers on loopback (minutes; needs go, java and mvn)
	.venv/bin/pytest -m remote tests/remote

test-workers: setup  ## kill and resume a training on two worker processes (minutes)
	.venv/bin/pytest -m workers tests/models

test-clients: setup $(CLIENTS_STAMP) $(GRPCURL)  ## ask the server by ovmsclient, tritonclient, curl and grpcurl (needs go and curl)
	.venv/bin/pytest -m clients tests/clients

$(CLIENTS_STAMP): tests/clients/requirements.lock
	@scripts/uv venv --quiet --no-config --clear --python .venv/bin/python .clients-venv
	@scripts/uv pip sync --quiet --python .clients-venv/bin/python --require-hashes tests/clients/requirements.lock
	@touch $@

$(GRPCURL):
	@GOBIN=$(CURDIR)/$(@D) go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3

test-page: setup $(AXE)  ## open the search page in a headless Chromium; three minutes (needs chromium and npm)
	.venv/bin/pytest -m page tests/page

$(AXE):
	@npm install --silent --no-save --no-audit --no-fund --prefix .tools/page axe-core@4.14.1

test-cluster: image $(CLUSTER_STAMP) setup  ## run the compiled demo in containers, end to end (minutes; needs docker or podman)
	@ALIGN_IMAGE=$(IMAGE) .venv/bin/pytest -m cluster tests/cluster

$(CLUSTER_STAMP): tests/cluster/requirements.lock
	@scripts/uv venv --quiet --no-config --clear --python .venv/bin/python .cluster-venv
	@scripts/uv pip sync --quiet --python .cluster-venv/bin/python --require-hashes tests/cluster/requirements.lock
	@touch $@

test-hostile: setup  ## send the server 10,000 malformed requests over gRPC and as many over HTTP (minutes)
	.venv/bin/python -m benchmarks.serving.attack

test-milvus: setup $(MILVUS_STAMP)  ## hold the store in Milvus to the exact one, on a real server (minutes; it listens on every interface)
	.venv/bin/pytest -m milvus tests/milvus

$(MILVUS_STAMP): tests/milvus/requirements.lock
	@scripts/uv venv --quiet --no-config --clear --python .venv/bin/python .milvus-venv
	@scripts/uv pip sync --quiet --python .milvus-venv/bin/python --require-hashes tests/milvus/requirements.lock
	@touch $@

test-other-stack:  ## run the tests on the other stack, in a Debian 13 root under .root/
	@scripts/test_other_stack $(OTHER_PYTHON)

clean:  ## remove what make made, except the runs
	@if [ -d .flink/pids ]; then .venv/bin/python scripts/flink/cluster.py down; fi
	rm -rf .venv .docs-venv .clients-venv .cluster-venv .milvus-venv .flink .tools .root build *.egg-info .ruff_cache .mypy_cache .pytest_cache .hypothesis __pycache__
	find components models serving tfx_pipeline benchmarks demo tests -name __pycache__ -prune -exec rm -rf {} +

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 26
