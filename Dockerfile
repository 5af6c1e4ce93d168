# anchorwatch in a container. The base must have Python 3.11 or newer from Debian 13 or newer, which packages Compose.
ARG BASE=debian:trixie-slim
FROM ${BASE}

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates docker-compose git openssh-client python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 65532 --home-dir /var/lib/anchorwatch --create-home --shell /usr/sbin/nologin anchorwatch

WORKDIR /opt/anchorwatch
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY src src
COPY migrations migrations
RUN .venv/bin/pip install --no-cache-dir --no-deps .

ENV PATH=/opt/anchorwatch/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/var/lib/anchorwatch/cache \
    ANCHORWATCH_CONFIG=/etc/anchorwatch/anchorwatch.yml
USER anchorwatch
VOLUME /var/lib/anchorwatch
ENTRYPOINT ["anchorwatch"]
CMD ["check"]
