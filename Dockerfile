# The operator's image: the pinned, hashed packages and the sources, without pip and without anything that builds.
# docker build -t ghcr.io/walletmon/walletmon:<version> .
ARG PYTHON=3.13-slim-trixie

FROM python:${PYTHON} AS packages
WORKDIR /opt/walletmon
COPY requirements.txt .
RUN python -m venv --without-pip env \
 && pip --disable-pip-version-check --no-cache-dir --python env/bin/python install \
      --require-hashes --only-binary :all: -r requirements.txt
COPY operator operator
RUN env/bin/python -m compileall -q operator

FROM python:${PYTHON}
LABEL org.opencontainers.image.title="walletmon" \
      org.opencontainers.image.description="Kubernetes operator that watches crypto wallets and says truthfully whether they are watched" \
      org.opencontainers.image.source="https://github.com/walletmon/walletmon" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=packages /opt/walletmon /opt/walletmon
COPY LICENSE /opt/walletmon/
ENV PYTHONPATH=/opt/walletmon/operator PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# No such user is in /etc/passwd, and none is needed: the operator writes no files.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/walletmon/env/bin/python", "-m", "walletmon.cli"]
CMD ["run"]
