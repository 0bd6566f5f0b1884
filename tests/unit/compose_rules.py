"""The rules docker-compose.yaml, Dockerfile, .dockerignore, the production requirements and Superset's own files must keep: each names
what breaks it, or nothing."""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker"}
DATA = {"worker", "linli"}
SUPERSET = {"superset-metadata", "superset-init", "superset"}
ONE_SHOT = {"init", "linli", "superset-init"}
PRIVATE = {"key_ring", "linli_case_system_url", "linli_patrol_app_token", "linli_points_ledger_url", "linli_serving_url"}
BY_COMMAND = {
    "AIRFLOW__CORE__FERNET_KEY": {"fernet_key"},
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": {"postgres_password"},
    "AIRFLOW__CELERY__RESULT_BACKEND": {"postgres_password"},
    "AIRFLOW__CELERY__BROKER_URL": {"redis_password"},
    "AIRFLOW__API__SECRET_KEY": {"api_secret_key"},
    "AIRFLOW__API_AUTH__JWT_SECRET": {"jwt_secret"},
}
FIXED = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__API__EXPOSE_CONFIG": "False",
    "LINLI_WAREHOUSE_POOL": "linli_warehouse",
}


@dataclass
class Deployment:
    """The files a production deployment is made of."""

    compose: dict[str, Any]
    dockerfile: str
    ignore: str
    pinned: str
    production: str
    superset_dockerfile: str
    superset_config: str
    superset_pins: str

    @property
    def services(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.compose["services"]
        return found


FILES = {
    "dockerfile": "Dockerfile",
    "ignore": ".dockerignore",
    "pinned": "requirements.txt",
    "production": "requirements-production.txt",
    "superset_dockerfile": "deploy/superset/Dockerfile",
    "superset_config": "deploy/superset/superset_config.py",
    "superset_pins": "deploy/superset/requirements.txt",
}


def _read() -> Deployment:
    text = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
    compose = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return Deployment(compose, **{name: (ROOT / place).read_text(encoding="utf-8") for name, place in FILES.items()})


REAL = _read()
REAL_AS_JSON = json.dumps(REAL.compose)


def _default(text: str) -> str:
    """What `${NAME:-default}` becomes when NAME is unset."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@functools.cache
def _pins(requirements: str) -> dict[str, frozenset[str]]:
    """Every pinned line of a requirements file with its hashes."""
    blocks = re.split(r"\n(?=\S)", requirements.strip())
    return {block.split(" \\")[0]: frozenset(re.findall(r"sha256:[0-9a-f]{64}", block)) for block in blocks}


def _stages(dockerfile: str) -> list[str]:
    return re.split(r"^FROM ", dockerfile, flags=re.M)[1:]


def hardened(d: Deployment) -> list[str]:
    wrong = []
    for name, service in d.services.items():
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
            wrong.append(f"{name}: capabilities")
        if "no-new-privileges:true" not in service.get("security_opt", []):
            wrong.append(f"{name}: new privileges")
        if service.get("read_only") is not True:
            wrong.append(f"{name}: writable root")
        if service.get("privileged") or service.get("network_mode") or service.get("pid") or "docker.sock" in str(service):
            wrong.append(f"{name}: too close to the host")
        if not service.get("pids_limit") or not service.get("logging", {}).get("options", {}).get("max-size"):
            wrong.append(f"{name}: unlimited processes or logs")
    return wrong


def not_root(d: Deployment) -> list[str]:
    wrong = [n for n, s in d.services.items() if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(s.get("user", "")))]
    for name, dockerfile in (("Dockerfile", d.dockerfile), ("Dockerfile of Superset", d.superset_dockerfile)):
        users = re.findall(r"^USER (.*)$", _stages(dockerfile)[-1], flags=re.M)
        if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
            wrong.append(name)
    return [f"{name}: runs as root" for name in wrong]


def pinned_images(d: Deployment) -> list[str]:
    images = {name: _default(service.get("image", "")) for name, service in d.services.items()}
    images["Dockerfile"], images["Dockerfile of Superset"] = (
        re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, flags=re.M)[0] for dockerfile in (d.dockerfile, d.superset_dockerfile)
    )
    built = {_default(d.services[name]["build"]["args"]["PYTHON_IMAGE"]) for name in ("api-server", "superset")}
    wrong = [f"{n}: {i}" for n, i in images.items() if not re.search(r"(:\d+\.\d+(\.\d+)?(-[a-z-]+)?|@sha256:[0-9a-f]{64})$", i)]
    return wrong + (
        [] if built == {images["Dockerfile"], images["Dockerfile of Superset"]} else ["build argument differs from the Dockerfile's"]
    )


def one_image(d: Deployment) -> list[str]:
    ours = {(s["image"], str(s.get("build"))) for n, s in d.services.items() if n in AIRFLOW | DATA}
    return [] if len(ours) == 1 and set(d.services) >= AIRFLOW | DATA else ["Airflow's services do not run one and the same image"]


def secrets_are_files(d: Deployment) -> list[str]:
    declared = d.compose["secrets"]
    wrong = [f"{n}: not a file under secrets/" for n, s in declared.items() if set(s) != {"file"} or s["file"] != f"./secrets/{n}"]
    for name, service in d.services.items():
        wrong += [f"{name}: {s} is not declared" for s in service.get("secrets", []) if s not in declared]
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|FERNET|_KEY$|_CONN$|_BACKEND$|BROKER_URL$", key) and not key.endswith(("_CMD", "_FILE")):
                wrong.append(f"{name}: {key} is a secret in the environment")
            if re.search(r"://[^/\s$]*:[^$@\s]+@", str(value)):
                wrong.append(f"{name}: {key} holds a password")
        for script in (str(service.get("command", "")), str(service.get("healthcheck", ""))):
            if re.search(r"--password[ =]|--requirepass|redis-cli [^|]*-a ", script):
                wrong.append(f"{name}: a password on a command line")
    return wrong


def commands_strip(d: Deployment) -> list[str]:
    wrong = []
    for name in AIRFLOW:
        environment, given = d.services[name]["environment"], set(d.services[name]["secrets"])
        for option, secrets in BY_COMMAND.items():
            command = str(environment.get(f"{option}_CMD", ""))
            words = shlex.split(command.replace("$$", "$"))
            read = set(re.findall(r"\$\(cat /run/secrets/(\w+)\)", command))
            if words[:2] != ["sh", "-c"] or not words[2].startswith('printf %s "') or read != secrets or not read <= given:
                wrong.append(f"{name}: {option} is not printed without its trailing newline from its own secret")
            if "$(" in command.replace("$$(", ""):
                wrong.append(f"{name}: {option}: compose would expand the dollar sign itself")
    return wrong


def least_secrets(d: Deployment) -> list[str]:
    wrong = []
    for name, service in d.services.items():
        given = set(service.get("secrets", []))
        if name not in DATA and (given & PRIVATE or "linli-home" in str(service.get("volumes"))):
            wrong.append(f"{name}: has what only the worker and the command line need")
        if name != "init" and "admin_password" in given:
            wrong.append(f"{name}: knows the administrator's password")
    for name in DATA:
        if not set(d.services[name]["secrets"]) >= PRIVATE:
            wrong.append(f"{name}: lacks a source's secret or the key ring")
    return wrong


def airflow_settings(d: Deployment) -> list[str]:
    wrong = [f"{n}: {k}" for n in AIRFLOW for k, v in FIXED.items() if str(d.services[n]["environment"].get(k)) != v]
    wrong += [f"{n}: no base address demanded" for n in AIRFLOW if ":?" not in d.services[n]["environment"]["AIRFLOW__API__BASE_URL"]]
    wrong += [f"{n}: anonymous visitors" for n in AIRFLOW if d.services[n]["environment"].get("AIRFLOW__FAB__AUTH_ROLE_PUBLIC")]
    expected = {"api-server": "api-server", "scheduler": "scheduler", "dag-processor": "dag-processor", "triggerer": "triggerer"}
    wrong += [f"{n}: command" for n, c in expected.items() if d.services[n]["command"] != ["airflow", c]]
    return wrong + ([] if d.services["worker"]["command"] == ["airflow", "celery", "worker"] else ["worker: command"])


def loopback_only(d: Deployment) -> list[str]:
    wrong = [f"{n}: {p}" for n, s in d.services.items() for p in s.get("ports", []) if not str(p).startswith("127.0.0.1:")]
    wrong += [f"{n}: publishes a port" for n, s in d.services.items() if s.get("ports") and n not in ("api-server", "superset")]
    return wrong


def networks(d: Deployment) -> list[str]:
    wrong = [f"{n} is not internal" for n in ("backend", "superset") if d.compose["networks"][n] != {"internal": True}]
    allowed = {
        "api-server": {"backend", "edge"}, "worker": {"backend", "sources"}, "linli": {"sources"},
        "superset-metadata": {"superset"}, "superset-init": {"superset", "sources"}, "superset": {"superset", "sources", "edge"},
    }  # fmt: skip
    for name, service in d.services.items():
        if set(service.get("networks", [])) != allowed.get(name, {"backend"}):
            wrong.append(f"{name}: networks {service.get('networks')}")
    return wrong


def healthy(d: Deployment) -> list[str]:
    wrong = []
    for name, service in d.services.items():
        if name in ONE_SHOT:
            if service.get("restart") != "no":
                wrong.append(f"{name}: runs once, may not restart")
            continue
        check = service.get("healthcheck", {})
        if not check.get("test") or not {"interval", "timeout", "retries", "start_period"} <= set(check) or check.get("disable"):
            wrong.append(f"{name}: no health check")
        if service.get("restart") != "unless-stopped":
            wrong.append(f"{name}: restart policy")
    return wrong


def order(d: Deployment) -> list[str]:
    wrong = []
    for name in AIRFLOW:
        needs = {n: c["condition"] for n, c in d.services[name]["depends_on"].items()}
        expected = {"postgres": "service_healthy", "redis": "service_healthy"}
        if name != "init":
            expected["init"] = "service_completed_successfully"
        if any(needs.get(n) != c for n, c in expected.items()):
            wrong.append(f"{name}: starts before what it needs")
    return wrong


def first_start(d: Deployment) -> list[str]:
    init = d.services["init"]
    script = str(init["command"][-1]).replace("$$", "$")
    steps = ["airflow db migrate", "airflow pools set linli_warehouse 1 ", "airflow users create --role Admin"]
    places = [script.find(step) for step in steps]
    wrong = [] if -1 not in places and places == sorted(places) else ["init: migrate, pool and administrator, in this order"]
    if "-euc" not in init["command"]:
        wrong.append("init: goes on after a failure")
    checked = re.search(r"for name in ([\w ]+); do", script)
    if not checked or set(checked[1].split()) != set(init["secrets"]):
        wrong.append("init: does not refuse every secret that is too short")
    if any(":?" not in str(init["environment"].get(key)) for key in ("ADMIN_USER", "ADMIN_EMAIL")):
        wrong.append("init: an administrator by default")
    return wrong


def volumes(d: Deployment) -> list[str]:
    wrong = []
    for name in DATA:
        mounts = d.services[name]["volumes"]
        inbox = [m for m in mounts if isinstance(m, dict) and m["target"] == "/srv/inbox"]
        if not inbox or inbox[0].get("read_only") is not True or inbox[0].get("bind", {}).get("create_host_path") is not False:
            wrong.append(f"{name}: the inbox is not mounted read-only")
        environment = d.services[name]["environment"]
        if f"linli-home:{environment.get('LINLI_HOME')}" not in mounts:
            wrong.append(f"{name}: LINLI_HOME is not on its volume")
        ring = str(environment.get("LINLI_KEY_RING", ""))
        if ring != "/run/secrets/key_ring" or ring.startswith(str(environment.get("LINLI_HOME"))):
            wrong.append(f"{name}: the key ring lies beside the lake")
    used = {str(m).split(":")[0] for s in d.services.values() for m in s.get("volumes", []) if isinstance(m, str)}
    return wrong + [f"{v}: not a named volume" for v in sorted(used - set(d.compose["volumes"]))]


def image_from_pins(d: Deployment) -> list[str]:
    installs = re.findall(r"pip install (.*)$", d.dockerfile, flags=re.M)
    wrong = [f"Dockerfile: {line}" for line in installs if "--no-deps" not in line.split()]
    if not any({"--require-hashes", "/tmp/requirements-production.txt"} <= set(line.split()) for line in installs):
        wrong.append("Dockerfile: requirements are not installed by hash")
    wrong += [f"Dockerfile: {line}" for line in installs if "--require-hashes" not in line.split() and "--no-index" not in line.split()]
    pinned, production = _pins(d.pinned), _pins(d.production)
    wrong += [f"requirements-production.txt: not as in requirements.txt: {n}" for n in sorted(pinned) if production.get(n) != pinned[n]]
    wrong += [f"requirements-production.txt: {n} has no hash" for n, hashes in production.items() if "==" not in n or not hashes]
    versions = dict(line.split(" ;")[0].split("==", 1) for line in production if "==" in line)
    for name in ("apache-airflow-providers-fab", "apache-airflow-providers-celery", "psycopg2-binary", "asyncpg", "redis"):
        if name not in versions:
            wrong.append(f"requirements-production.txt: {name} is missing")
    version = versions.get("apache-airflow", "")
    tag = _default(d.services["api-server"]["image"]).rpartition(":")[2]
    return wrong + ([] if tag == version else [f"image tag {tag} is not Airflow {version}"])


def clean_layers(d: Deployment) -> list[str]:
    lines = [line.strip() for line in d.ignore.splitlines() if line.strip() and not line.startswith("#")]
    sent = {line[1:] for line in lines if line.startswith("!")}
    wrong = [] if lines[0] == "*" else [".dockerignore: does not begin by leaving everything out"]
    allowed = {"pyproject.toml", "requirements-production.txt", "include", "expectations", "dbt_project", "dags"}
    wrong += [f".dockerignore: lets {name} in" for name in sorted(sent - allowed)]
    lines = [line for line in re.findall(r"^COPY (.*)$", d.dockerfile, flags=re.M) if "--from=" not in line and "<<" not in line]
    copied = {word for line in lines for word in line.split()[:-1] if not word.startswith("--")}
    wrong += [f"Dockerfile: copies {name}" for name in sorted(copied - allowed)]
    wrong += [f"Dockerfile: {line}" for line in re.findall(r"^(?:ARG|ENV) .*(?:PASSWORD|SECRET|TOKEN|FERNET).*$", d.dockerfile, flags=re.M)]
    return wrong + (["Dockerfile: ADD"] if re.search(r"^ADD ", d.dockerfile, flags=re.M) else [])


def private_files(d: Deployment) -> list[str]:
    wrong = [] if "umask 077" in entrypoint(d.dockerfile) else ["entrypoint: files others can read"]
    if 'ENTRYPOINT ["/usr/local/bin/linli-entrypoint"]' not in d.dockerfile:
        wrong.append("Dockerfile: the entrypoint is not used")
    for name in AIRFLOW | DATA:
        if d.services[name].get("entrypoint", ["/usr/local/bin/linli-entrypoint"])[0] != "/usr/local/bin/linli-entrypoint":
            wrong.append(f"{name}: goes round the entrypoint")
    return wrong


def superset_apart(d: Deployment) -> list[str]:
    """Superset is optional, has an image and metadata of its own, and of Linli no more than an account to read with."""
    wrong = [f"{n}: started without being asked for" for n in SUPERSET if d.services[n].get("profiles") != ["superset"]]
    theirs = {secret for name in SUPERSET for secret in d.services[name].get("secrets", [])}
    wrong += [f"Superset knows {secret}" for secret in sorted(theirs) if not secret.startswith("superset_")]
    for name, service in d.services.items():
        if name not in SUPERSET and set(service.get("secrets", [])) & theirs:
            wrong.append(f"{name}: knows a secret of Superset")
    for name in ("superset", "superset-init"):
        service = d.services[name]
        if service.get("volumes") or any(key.startswith("LINLI_") for key in service["environment"]):
            wrong.append(f"{name}: sees more of Linli than its account")
        if (
            service["environment"].get("PGSERVICEFILE") != "/run/secrets/superset_pg_service"
            or "superset_pg_service" not in service["secrets"]
        ):
            wrong.append(f"{name}: no account to read with")
        if service["image"] == d.services["worker"]["image"] or service["build"]["context"] != "./deploy/superset":
            wrong.append(f"{name}: not an image of its own")
    if "superset_admin_password" in d.services["superset"]["secrets"]:
        wrong.append("superset: knows the administrator's password")
    checked = re.search(r"for name in ([\w ]+); do", str(d.services["superset-init"]["command"][-1]))
    if not checked or set(checked[1].split()) != set(d.services["superset-init"]["secrets"]) - {"superset_pg_service"}:
        wrong.append("superset-init: does not refuse every secret that is too short")
    pins = _pins(d.superset_pins)
    wrong += [f"{name} has no hash" for name, hashes in pins.items() if "==" not in name or not hashes]
    version = next((name.split("==")[1] for name in pins if name.startswith("apache-superset==")), "")
    if _default(d.services["superset"]["image"]).rpartition(":")[2] != version:
        wrong.append("the image's tag is not Superset's version")
    wrong += [f"Linli's requirements hold {name}" for name in _pins(d.pinned) | _pins(d.production) if name.startswith("apache-superset")]
    installs = re.findall(r"pip install (.*?)(?: \\\\)?$", d.superset_dockerfile, flags=re.M)
    if not installs or any(not {"--no-deps", "--require-hashes", "--only-binary"} <= set(line.split()) for line in installs):
        wrong.append("Superset's requirements are not installed by hash")
    copied = {word for line in re.findall(r"^COPY (?!--from)(.*)$", d.superset_dockerfile, flags=re.M) for word in line.split()[:-1]}
    return wrong + [
        f"Superset's image holds {name}"
        for name in sorted(copied - {"build-requirements.txt", "requirements.txt", "superset_config.py", "export"})
    ]


def superset_settings(d: Deployment) -> list[str]:
    said = dict(re.findall(r"^(\w+) = (.+)$", d.superset_config, flags=re.M))
    wrong = [] if said.get("SECRET_KEY") == '_secret("superset_secret_key")' else ["the key of sessions is not a secret file"]
    expected = {
        "BABEL_DEFAULT_LOCALE": '"zh"',
        "SESSION_COOKIE_SECURE": "True",
        "PUBLIC_ROLE_LIKE": "None",
    }
    return wrong + [f"superset_config.py: {name}" for name, value in expected.items() if said.get(name) != value]


def entrypoint(dockerfile: str) -> str:
    found = re.search(r"<<'ENTRYPOINT' \S+\n(.*?)^ENTRYPOINT$", dockerfile, flags=re.S | re.M)
    return found[1] if found else ""


Rule = Callable[[Deployment], list[str]]
RULES: tuple[Rule, ...] = (
    hardened, not_root, pinned_images, one_image, secrets_are_files, commands_strip, least_secrets, airflow_settings, loopback_only,
    networks, healthy, order, first_start, volumes, image_from_pins, clean_layers, private_files,
    superset_apart, superset_settings,
)  # fmt: skip
