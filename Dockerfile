# One image for every Airflow service: Airflow and Linli from the hash-pinned requirements on a slim Python.
# Build with BuildKit (docker 23 or later). PYTHON_IMAGE may name a mirror or a digest of the same tag.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements-production.txt /tmp/requirements-production.txt
RUN /opt/venv/bin/pip install --no-deps --require-hashes --only-binary :all: -r /tmp/requirements-production.txt
COPY pyproject.toml /opt/linli/pyproject.toml
COPY include /opt/linli/include
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --no-index -e /opt/linli

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 50000 linli \
 && useradd --uid 50000 --gid 50000 --no-create-home --home-dir /run/linli --shell /usr/sbin/nologin linli \
 && install -d -o linli -g linli -m 0700 /var/lib/linli /var/log/airflow /run/linli
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/linli /opt/linli
COPY expectations /opt/linli/expectations
COPY dbt_project /opt/linli/dbt_project
COPY dags /opt/linli/dags
# A secret file named linli_… becomes the variable LINLI_… of the process, in memory only; an empty file leaves it unset.
COPY --chmod=0555 <<'ENTRYPOINT' /usr/local/bin/linli-entrypoint
#!/bin/sh
set -eu
umask 077
for file in "${LINLI_SECRETS:-/run/secrets}"/linli_*; do
  [ -e "$file" ] || continue
  value="$(cat "$file")"
  [ -n "$value" ] || continue
  name="$(basename "$file" | tr '[:lower:]' '[:upper:]')"
  export "$name=$value"
done
exec "$@"
ENTRYPOINT
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 TZ=Asia/Shanghai LANG=C.UTF-8 \
    HOME=/run/linli AIRFLOW_HOME=/run/linli/airflow LINLI_PROJECT=/opt/linli LINLI_HOME=/var/lib/linli
WORKDIR /opt/linli
USER 50000:50000
ENTRYPOINT ["/usr/local/bin/linli-entrypoint"]
CMD ["linli", "--help"]
