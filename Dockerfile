# The image that Kubeflow and Vertex AI workers run: `docker build -t IMG .`, then `align compile --image IMG ...`.
# It has never been built where this project is developed (no Docker engine there).
#
# Debian 13 has the glibc 2.39 that TFX 1.21's wheels need, but Python 3.13, which Kubeflow's extra of TFX does not take:
# uv brings its own Python 3.11.

FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates g++ python3-pip
WORKDIR /align-tfx
COPY scripts/uv scripts/byte_compile scripts/
ENV UV_PYTHON_INSTALL_DIR=/opt/python
RUN scripts/uv python install --no-bin --compile-bytecode 3.11 && scripts/uv venv --managed-python --python 3.11 /opt/align
# The lock alone first: this layer, the slow one, is built again only when a dependency moves.
COPY requirements.lock ./
RUN scripts/uv pip sync --no-cache --python /opt/align/bin/python --require-hashes \
    --build-constraints requirements.lock requirements.lock && \
    scripts/byte_compile /opt/align/bin/python
COPY pyproject.toml README.md LICENSE align.py ./
COPY components components
COPY models models
COPY serving serving
COPY tfx_pipeline tfx_pipeline
RUN scripts/uv pip install --no-cache --python /opt/align/bin/python --no-deps --no-build-isolation . && \
    scripts/byte_compile /opt/align/bin/python

FROM debian:trixie-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/python /opt/python
COPY --from=build /opt/align /opt/align
# Compiled pipelines start each component as `python -m tfx.orchestration.kubeflow...`.
ENV PATH=/opt/align/bin:$PATH
WORKDIR /work
