# The image of the pipeline's containers, of Beam's workers and of the server: `make image` builds it (docs/image.md).
#
# Debian 13 has the glibc 2.39 that TFX 1.21's wheels need, but Python 3.13, which Kubeflow's extra of TFX does not take:
# uv brings its own Python 3.11. The secrets are this machine's settings of pip, where it has any.

# Without tini, a program that does not ask for SIGTERM would never get it: the kernel keeps it from process 1.
FROM docker.io/library/debian:trixie-slim AS base
RUN apt-get update && \
    apt-get install --yes --no-install-recommends ca-certificates tini && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*

FROM base AS tools
RUN apt-get update && \
    apt-get install --yes --no-install-recommends g++ python3-pip && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /align-tfx
COPY scripts/uv scripts/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates,target=/run/certificates.crt \
    scripts/uv --version

# Where uv can fetch none, `make image` gives this machine's Python in the place of this stage.
FROM tools AS python
RUN scripts/uv python install --no-bin --install-dir /opt/python 3.11

# What Dataflow starts: Beam publishes it in its own images alone.
FROM base AS boot
RUN apt-get update && \
    apt-get install --yes --no-install-recommends golang-go && \
    rm -rf /var/lib/apt/lists/*
WORKDIR /align-tfx
COPY deploy/image/requirements.lock deploy/image/beam_boot deploy/image/
ARG GOPROXY
ENV GOMODCACHE=/var/cache/go/modules GOCACHE=/var/cache/go/build
RUN --mount=type=secret,id=certificates,target=/run/certificates.crt --mount=type=cache,target=/var/cache/go \
    deploy/image/beam_boot

# What is installed by the lock: the slow stage, built again only when a dependency moves.
FROM tools AS dependencies
COPY --from=python /opt/python /opt/python
COPY deploy/image/requirements.lock deploy/image/prune deploy/image/
COPY scripts/byte_compile scripts/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=certificates,target=/run/certificates.crt \
    --mount=type=cache,target=/var/cache/uv \
    export UV_LINK_MODE=copy UV_CACHE_DIR=/var/cache/uv && \
    scripts/uv venv --python "$(find /opt/python -name python3.11 -path '*/bin/*' | head -n 1)" /opt/align && \
    scripts/uv pip sync --python /opt/align/bin/python --require-hashes \
        --build-constraints deploy/image/requirements.lock deploy/image/requirements.lock && \
    deploy/image/prune && \
    scripts/byte_compile /opt/align/bin/python /opt/python && \
    echo /opt/align-tfx >/opt/align/lib/python3.11/site-packages/align-tfx.pth

# This project, in a folder of its own: a change of it is a small layer.
FROM dependencies AS project
COPY pyproject.toml README.md LICENSE ./
COPY components components
COPY models models
COPY serving serving
COPY tfx_pipeline tfx_pipeline
RUN scripts/uv pip install --offline --no-cache --python /opt/align/bin/python --target /opt/align-tfx --no-deps \
    --no-build-isolation . && \
    /opt/align/bin/python -m compileall -q -j 0 /opt/align-tfx
COPY scripts/flink/boot.py /opt/align-tfx/bin/beam-boot

FROM base
COPY --from=dependencies /opt/python /opt/python
COPY --from=dependencies /opt/align /opt/align
COPY --from=boot /opt/apache /opt/apache
COPY --from=project /opt/align-tfx /opt/align-tfx
COPY deploy/image/entrypoint /usr/local/bin/
# Whoever it runs as, there is a name for them and a folder that a read-only container can write.
ENV PATH=/opt/align-tfx/bin:/opt/align/bin:$PATH HOME=/tmp USER=align
# Beam's boot then makes no environment of its own for a worker, which it could not write.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
COPY deploy/image/sbom.py /usr/local/lib/align-tfx/
RUN python /usr/local/lib/align-tfx/sbom.py >/usr/local/lib/align-tfx/sbom.cdx.json
WORKDIR /srv
USER 65532:65532
ENTRYPOINT ["entrypoint"]
HEALTHCHECK NONE
LABEL org.opencontainers.image.title=align-tfx \
    org.opencontainers.image.description="Trains, judges and serves an image-text dual encoder (ALIGN): the pipeline's components, Beam's workers, the server." \
    org.opencontainers.image.licenses=Apache-2.0
