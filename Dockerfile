# One image per service:  docker build --build-arg SERVICE=ingestor --tag crypto-signal-tracker/ingestor .
# SERVICE is a file name of requirements/ without its ending. The image runs as user 10001 with a read-only root
# and writes to /tmp only.
ARG PYTHON_IMAGE=python:3.13.9-slim-bookworm

FROM ${PYTHON_IMAGE} AS dependencies
ARG SERVICE
# The cache is a mount, so it is in no layer; it saves the downloads of the next build.
ENV PIP_CACHE_DIR=/var/cache/pip PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/${SERVICE}.txt /requirements.txt
# Wheels only, each checked against its hash: nothing that is downloaded runs while the image is built.
RUN --mount=type=cache,target=/var/cache/pip,sharing=locked \
    python -m venv --without-pip /venv \
    && python -m pip --python /venv/bin/python install \
        --require-hashes --no-deps --only-binary=:all: --requirement /requirements.txt

FROM ${PYTHON_IMAGE} AS source
WORKDIR /app
COPY shared shared
COPY services services
# The root is read-only at run time, so the bytecode is made here; it is found by content, whatever the files' times.
RUN python -m compileall -q --invalidation-mode unchecked-hash shared services

FROM ${PYTHON_IMAGE}
RUN python -m pip uninstall --yes --quiet pip
COPY --from=dependencies /venv /venv
COPY --from=source /app /app
WORKDIR /app

ARG SERVICE
ARG VERSION=local
LABEL org.opencontainers.image.title="crypto-signal-tracker ${SERVICE}" \
    org.opencontainers.image.description="One service of CryptoSignalTracker" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}"
ENV SERVICE=${SERVICE} \
    PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    TRACKER__DATA_DIR=/tmp/tracker \
    TRACKER__LOG__JSON_LINES=true \
    TRACKER__PAGE__HOST=0.0.0.0 \
    TRACKER__PAGE__PORT=8080
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; page = http.client.HTTPConnection('127.0.0.1', int(os.environ['TRACKER__PAGE__PORT']), timeout=3); page.request('GET', '/health'); sys.exit(page.getresponse().status != 200)"]
# The shell only fills in the name; exec leaves Python as the process that gets SIGTERM.
CMD ["/bin/sh", "-c", "exec python -m services \"$SERVICE\""]
