"""The rules docker-compose.yaml, Dockerfile, .dockerignore, the production requirements and Superset's own files must keep.

No container engine runs here: the files are parsed and judged, never started. What an engine would do with them (image tags that exist,
owners of fresh volumes) is not shown by these tests. Every rule has mutants, copies with one thing broken, and must catch each of them.
"""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.compose_rules import (
    BY_COMMAND,
    PRIVATE,
    REAL,
    REAL_AS_JSON,
    RULES,
    Rule,
    airflow_settings,
    clean_layers,
    commands_strip,
    entrypoint,
    first_start,
    hardened,
    healthy,
    image_from_pins,
    least_secrets,
    loopback_only,
    networks,
    not_root,
    one_image,
    order,
    pinned_images,
    private_files,
    secrets_are_files,
    superset_apart,
    superset_settings,
    volumes,
)

CMD = "AIRFLOW__CORE__FERNET_KEY_CMD"
Place = tuple[str | int, ...]
GONE = object()
# (rule, place in the compose file, what is put there)
BROKEN: tuple[tuple[Rule, Place, Any], ...] = (
    (hardened, ("services", "redis", "cap_drop"), GONE),
    (hardened, ("services", "worker", "cap_add"), ["SYS_ADMIN"]),
    (hardened, ("services", "postgres", "security_opt"), []),
    (hardened, ("services", "worker", "read_only"), False),
    (hardened, ("services", "worker", "privileged"), True),
    (hardened, ("services", "api-server", "network_mode"), "host"),
    (hardened, ("services", "worker", "pids_limit"), GONE),
    (hardened, ("services", "scheduler", "logging"), {"driver": "json-file"}),
    (not_root, ("services", "worker", "user"), "0:0"),
    (not_root, ("services", "worker", "user"), "50000:0"),
    (not_root, ("services", "postgres", "user"), GONE),
    (pinned_images, ("services", "redis", "image"), "redis:latest"),
    (pinned_images, ("services", "redis", "image"), "redis"),
    (pinned_images, ("services", "postgres", "image"), "postgres:16"),
    (pinned_images, ("services", "api-server", "build", "args", "PYTHON_IMAGE"), "python:3.12.1-slim"),
    (one_image, ("services", "worker", "image"), "other/airflow:3.3.2"),
    (one_image, ("services", "triggerer"), GONE),
    (secrets_are_files, ("secrets", "jwt_secret"), {"environment": "JWT"}),
    (secrets_are_files, ("services", "postgres", "environment", "POSTGRES_PASSWORD"), "airflow"),
    (secrets_are_files, ("services", "worker", "environment", "LINLI_PATROL_APP_TOKEN"), "abc"),
    (secrets_are_files, ("services", "worker", "environment", "LINLI_CASE_SYSTEM_URL"), "postgresql://linli:abc@db/cases"),
    (secrets_are_files, ("services", "worker", "environment", "AIRFLOW__CELERY__BROKER_URL"), "redis://redis:6379/0"),
    (secrets_are_files, ("services", "worker", "secrets"), ["unknown"]),
    (secrets_are_files, ("services", "redis", "command"), ["redis-server", "--requirepass", "x"]),
    (commands_strip, ("services", "worker", "environment", CMD), "cat /run/secrets/fernet_key"),
    (commands_strip, ("services", "worker", "environment", CMD), 'sh -c \'printf "%s\\n" "$$(cat /run/secrets/fernet_key)"\''),
    (commands_strip, ("services", "worker", "environment", CMD), "sh -c 'printf %s \"$$(cat /run/secrets/jwt_secret)\"'"),
    (commands_strip, ("services", "worker", "environment", CMD), "sh -c 'printf %s \"$(cat /run/secrets/fernet_key)\"'"),
    (commands_strip, ("services", "worker", "secrets"), sorted(PRIVATE)),
    (least_secrets, ("services", "api-server", "secrets"), ["key_ring"]),
    (least_secrets, ("services", "triggerer", "volumes"), ["linli-home:/var/lib/linli"]),
    (least_secrets, ("services", "scheduler", "secrets"), ["admin_password"]),
    (least_secrets, ("services", "linli", "secrets"), ["key_ring"]),
    (airflow_settings, ("services", "api-server", "environment", "AIRFLOW__CORE__LOAD_EXAMPLES"), "True"),
    (airflow_settings, ("services", "api-server", "environment", "AIRFLOW__CORE__AUTH_MANAGER"), GONE),
    (airflow_settings, ("services", "scheduler", "environment", "AIRFLOW__CORE__EXECUTOR"), "LocalExecutor"),
    (airflow_settings, ("services", "dag-processor", "environment", "LINLI_WAREHOUSE_POOL"), GONE),
    (airflow_settings, ("services", "api-server", "environment", "AIRFLOW__API__BASE_URL"), "http://localhost"),
    (airflow_settings, ("services", "api-server", "environment", "AIRFLOW__FAB__AUTH_ROLE_PUBLIC"), "Viewer"),
    (airflow_settings, ("services", "worker", "command"), ["airflow", "standalone"]),
    (airflow_settings, ("services", "scheduler", "command"), ["airflow", "standalone"]),
    (loopback_only, ("services", "api-server", "ports"), ["8080:8080"]),
    (loopback_only, ("services", "api-server", "ports"), ["0.0.0.0:8080:8080"]),
    (loopback_only, ("services", "postgres", "ports"), ["127.0.0.1:5432:5432"]),
    (networks, ("networks", "backend"), {}),
    (networks, ("services", "postgres", "networks"), ["backend", "edge"]),
    (networks, ("services", "worker", "networks"), ["backend"]),
    (healthy, ("services", "redis", "healthcheck"), GONE),
    (healthy, ("services", "worker", "healthcheck", "timeout"), GONE),
    (healthy, ("services", "triggerer", "restart"), "no"),
    (healthy, ("services", "init", "restart"), "unless-stopped"),
    (order, ("services", "scheduler", "depends_on", "init"), GONE),
    (order, ("services", "worker", "depends_on", "redis"), {"condition": "service_started"}),
    (first_start, ("services", "init", "command"), ["sh", "-euc", "airflow db migrate"]),
    (first_start, ("services", "init", "command", 1), "-c"),
    (first_start, ("services", "init", "secrets"), [*REAL.services["init"]["secrets"], "key_ring"]),
    (first_start, ("services", "init", "environment", "ADMIN_USER"), "admin"),
    (volumes, ("services", "worker", "volumes"), ["linli-home:/var/lib/linli"]),
    (volumes, ("services", "worker", "volumes", 2, "read_only"), False),
    (volumes, ("services", "worker", "environment", "LINLI_HOME"), "/tmp/linli"),
    (volumes, ("services", "linli", "environment", "LINLI_KEY_RING"), "/var/lib/linli/keys/ring.json"),
    (volumes, ("volumes", "postgres"), GONE),
    (image_from_pins, ("services", "api-server", "image"), "linli/airflow:3.3.1"),
    (private_files, ("services", "worker", "entrypoint"), ["sh", "-c"]),
    (networks, ("networks", "superset"), {}),
    (networks, ("services", "superset-metadata", "networks"), ["backend"]),
    (loopback_only, ("services", "superset", "ports"), ["8088:8088"]),
    (loopback_only, ("services", "superset-metadata", "ports"), ["127.0.0.1:5433:5432"]),
    (not_root, ("services", "superset", "user"), "0:0"),
    (pinned_images, ("services", "superset", "image"), "apache/superset:latest"),
    (secrets_are_files, ("services", "superset", "environment", "SUPERSET_SECRET_KEY"), "x"),
    (superset_apart, ("services", "superset-metadata", "profiles"), GONE),
    (superset_apart, ("services", "superset", "secrets"), ["superset_pg_service", "linli_serving_url"]),
    (superset_apart, ("services", "superset", "secrets"), ["superset_pg_service", "superset_admin_password"]),
    (superset_apart, ("services", "superset", "volumes"), ["linli-home:/var/lib/linli"]),
    (superset_apart, ("services", "superset", "environment", "LINLI_HOME"), "/var/lib/linli"),
    (superset_apart, ("services", "superset", "environment", "PGSERVICEFILE"), GONE),
    (superset_apart, ("services", "superset", "image"), "linli/superset:6.0.0"),
    (superset_apart, ("services", "superset", "build", "context"), "."),
    (superset_apart, ("services", "worker", "secrets"), ["superset_secret_key"]),
    (superset_apart, ("services", "superset-init", "command"), ["sh", "-euc", "superset db upgrade"]),
)
# (rule, file, what is replaced, by what)
REWRITTEN: tuple[tuple[Rule, str, str, str], ...] = (
    (not_root, "dockerfile", "USER 50000:50000", "USER root"),
    (not_root, "dockerfile", "USER 50000:50000", ""),
    (pinned_images, "dockerfile", "python:3.11.14-slim-bookworm", "python:latest"),
    (image_from_pins, "dockerfile", "--require-hashes ", ""),
    (image_from_pins, "dockerfile", "--no-deps --require-hashes", "--require-hashes"),
    (image_from_pins, "dockerfile", "--no-index ", ""),
    (image_from_pins, "production", "apache-airflow-providers-fab==", "apache-airflow-providers-bar=="),
    (image_from_pins, "production", "duckdb==2.0.0", "duckdb==2.0.1"),
    (image_from_pins, "production", "apache-airflow==3.3.2", "apache-airflow==3.3.1"),
    (clean_layers, "ignore", "*\n!pyproject", "!pyproject"),
    (clean_layers, "ignore", "!dags", "!dags\n!secrets"),
    (clean_layers, "dockerfile", "COPY dags ", "COPY secrets /run/secrets\nCOPY dags "),
    (clean_layers, "dockerfile", "COPY dags ", "COPY . "),
    (clean_layers, "dockerfile", "COPY dags ", "COPY --chown=50000:50000 dags secrets "),
    (clean_layers, "dockerfile", "COPY dags ", "ADD dags "),
    (clean_layers, "dockerfile", "WORKDIR", "ENV REDIS_PASSWORD=x\nWORKDIR"),
    (private_files, "dockerfile", "umask 077", "umask 022"),
    (not_root, "superset_dockerfile", "USER 50001:50001", ""),
    (pinned_images, "superset_dockerfile", "python:3.11.14-slim-bookworm", "python:3"),
    (superset_apart, "superset_dockerfile", "--require-hashes ", ""),
    (superset_apart, "superset_dockerfile", "COPY export", "COPY secrets /run/secrets\nCOPY export"),
    (superset_apart, "superset_pins", "apache-superset==6.1.0", "apache-superset==6.0.0"),
    (superset_apart, "pinned", "duckdb==2.0.0", "apache-superset==6.1.0"),
    (superset_settings, "superset_config", '_secret("superset_secret_key")', '"change me"'),
    (superset_settings, "superset_config", 'BABEL_DEFAULT_LOCALE = "zh"', 'BABEL_DEFAULT_LOCALE = "en"'),
    (superset_settings, "superset_config", "PUBLIC_ROLE_LIKE = None", 'PUBLIC_ROLE_LIKE = "Gamma"'),
    (private_files, "dockerfile", 'ENTRYPOINT ["/usr/local/bin/linli-entrypoint"]', 'ENTRYPOINT ["sh"]'),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_deployment_keeps_the_rule(rule: Rule) -> None:
    assert rule(REAL) == []


@pytest.mark.parametrize(("rule", "place", "value"), BROKEN, ids=[f"{r.__name__}-{'.'.join(map(str, p))}" for r, p, _ in BROKEN])
def test_the_rule_catches_a_broken_compose_file(rule: Rule, place: Place, value: Any) -> None:
    # A deep copy keeps shared what the anchors share; through JSON every service gets its own.
    holder: Any = json.loads(REAL_AS_JSON)
    compose = holder
    for step in place[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    assert rule(replace(REAL, compose=compose)) != []


@pytest.mark.parametrize(("rule", "file", "old", "new"), REWRITTEN, ids=[f"{r.__name__}-{f}-{n}" for n, (r, f, *_) in enumerate(REWRITTEN)])
def test_the_rule_catches_a_broken_file(rule: Rule, file: str, old: str, new: str) -> None:
    deployment = copy.copy(REAL)
    assert old in getattr(deployment, file)
    setattr(deployment, file, getattr(deployment, file).replace(old, new))
    assert rule(deployment) != []


def test_every_rule_has_a_mutant() -> None:
    assert {rule for rule, *_ in (*BROKEN, *REWRITTEN)} == set(RULES)


def test_the_entrypoint_hands_secret_files_over_in_memory(tmp_path: Path) -> None:
    script = tmp_path / "entrypoint"
    script.write_text(entrypoint(REAL.dockerfile), encoding="utf-8")
    for name, text in {"linli_case_system_url": "postgresql://x\n", "linli_patrol_app_token": "", "jwt_secret": "s" * 20}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "LINLI_SECRETS": str(tmp_path)}
    command = ["sh", str(script), "sh", "-c", "umask; env"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[0].endswith("077")
    assert "LINLI_CASE_SYSTEM_URL=postgresql://x" in shown.splitlines()
    assert "LINLI_PATROL_APP_TOKEN" not in shown and "s" * 20 not in shown


@pytest.mark.parametrize("option", sorted(BY_COMMAND))
def test_the_command_prints_the_secret_without_its_newline(option: str, tmp_path: Path) -> None:
    command = REAL.services["worker"]["environment"][f"{option}_CMD"].replace("$$", "$").replace("/run/secrets", str(tmp_path))
    for secret in BY_COMMAND[option]:
        (tmp_path / secret).write_text("a1b2c3\n", encoding="utf-8")
    printed = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True).stdout
    assert "a1b2c3" in printed and printed == printed.strip()
