# Stanok in one image: collectors, engine, simulators and tools are all the one command `stanok`.
#
# The data directory /var/lib/stanok holds the spools, the clock and compiled kernels. Mount a volume there
# (docker-compose.yml: `data:/var/lib/stanok`); what is not yet in the database lives nowhere else.
# A directory of the host must belong to user 10001: chown 10001:10001 DIR; docker run -v DIR:/var/lib/stanok ...

FROM python:3.12.13-slim-trixie AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY collectors collectors
COPY core core
COPY dashboards dashboards
COPY simulators simulators
COPY stanok stanok
COPY storage storage
RUN python -m venv /opt/stanok && /opt/stanok/bin/pip install --no-cache-dir ".[grafana,reports]"

FROM python:3.12.13-slim-trixie
RUN groupadd --gid 10001 stanok \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/stanok --shell /usr/sbin/nologin stanok \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/stanok
COPY --from=build /opt/stanok /opt/stanok
ENV PATH=/opt/stanok/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /var/lib/stanok
VOLUME /var/lib/stanok
ENTRYPOINT ["stanok"]
CMD ["--help"]
