# anchorwatch in a container. The base must have Python 3.11 or newer from Debian 13 or newer, which packages Compose.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS made
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3 python3-venv
WORKDIR /opt/anchorwatch
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY src src
COPY migrations migrations
RUN .venv/bin/pip install --no-cache-dir --no-deps . && .venv/bin/pip uninstall --yes pip

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates docker-compose git openssh-client python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --home-dir /var/lib/anchorwatch --create-home --shell /usr/sbin/nologin anchorwatch \
    && chmod 700 /var/lib/anchorwatch
COPY --from=made /opt/anchorwatch/.venv /opt/anchorwatch/.venv

# State and cache lie in the volume, which is the only place that is written to; the pages are for other containers, too.
ENV PATH=/opt/anchorwatch/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_STATE_HOME=/var/lib \
    XDG_CACHE_HOME=/var/lib/anchorwatch/cache \
    ANCHORWATCH_CONFIG=/etc/anchorwatch/anchorwatch.yml \
    ANCHORWATCH_WATCH__LISTEN=0.0.0.0:8899
USER 65532:65532
VOLUME /var/lib/anchorwatch
EXPOSE 8899
# bash alone, because a Python for every question would cost more than the service itself
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/${ANCHORWATCH_WATCH__LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ code _ <&3 && [ \"$code\" = 200 ]"]
ENTRYPOINT ["anchorwatch"]
CMD ["watch"]
