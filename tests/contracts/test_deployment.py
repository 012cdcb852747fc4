"""Dockerfile and docker-compose.yml keep what the threat model asks of them."""

import json
import re
from typing import Any

import pytest

from app.settings import Settings
from tests.contracts.deployment import COMPOSE, DOCKERFILE, ROOT, SERVICES, lineage, stages

TARGETS = ("web", "worker", "training", "proxy")
OURS = ("web", "migrate", "worker")
VARIABLES = {f"LEUKOLENS_{name}".upper() for name in Settings.model_fields}
SERVICE = pytest.mark.parametrize("service", SERVICES)


def settings_of(service: str) -> dict[str, str]:
    """What the service's environment sets; compose's own variables filled in."""
    environment: dict[str, str] = SERVICES[service].get("environment", {})
    return {
        name: re.sub(r"\$\{\w+[^}]*\}", "cells.example.org", value) for name, value in environment.items()
    }


def secrets_of(service: str) -> dict[str, str]:
    """Name inside the container -> name in the top-level list."""
    listed: list[Any] = SERVICES[service].get("secrets", [])
    pairs = [{"source": entry, "target": entry} if isinstance(entry, str) else entry for entry in listed]
    return {pair["target"]: pair["source"] for pair in pairs}


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_a_numbered_user_without_rights(target: str) -> None:
    user = next(stage.all("USER")[-1] for stage in lineage(target) if stage.all("USER"))
    assert int(user.split(":")[0]) > 0


@pytest.mark.parametrize("target", TARGETS)
def test_a_final_image_holds_neither_uv_nor_pip_downloads(target: str) -> None:
    commands = " ".join(text for stage in lineage(target) for text in stage.all("RUN"))
    assert "uv " not in commands
    assert "pip " not in commands


@pytest.mark.parametrize(
    ("target", "extras"),
    [("web", {"postgres", "oidc"}), ("worker", {"gpu"}), ("training", {"train", "gpu"})],
)
def test_an_image_installs_the_locked_packages_of_its_extras_alone(target: str, extras: set[str]) -> None:
    commands = stages()[f"build-{target}"].all("RUN")
    for command in commands:
        assert "uv sync --locked --no-dev" in command
        assert set(re.findall(r"--extra (\S+)", command)) == extras
    assert "--no-install-project" in commands[0]
    assert "--no-editable" in commands[-1]


def test_every_base_image_and_uv_itself_name_a_version() -> None:
    values = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert set(values) == {"PYTHON_IMAGE", "NGINX_IMAGE", "UV_VERSION"}
    assert all(re.search(r"\d+\.\d+", value) for value in values.values())
    known = stages()
    assert {stage.parent for stage in known.values()} <= set(known) | {"${PYTHON_IMAGE}", "${NGINX_IMAGE}"}


@pytest.mark.parametrize("target", ["web", "worker"])
def test_the_health_check_of_an_image_is_a_python_program(target: str) -> None:
    check = stages()[target].all("HEALTHCHECK")[-1]
    executable, option, program = json.loads(check.partition(" CMD ")[2])
    assert (executable, option) == ("python", "-c")
    compile(program, "HEALTHCHECK", "exec")


def test_the_build_sees_the_packages_and_nothing_that_lies_beside_them() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert "*" in rules
    assert allowed == {"pyproject.toml", "uv.lock", "README.md", "LICENSE"} | {
        "app",
        "models",
        "migrations",
        "training",
    }


def test_compose_puts_together_proxy_web_worker_database_and_a_one_shot_migration() -> None:
    assert set(SERVICES) == {"proxy", "web", "migrate", "worker", "database"}
    assert SERVICES["migrate"]["command"] == ["db", "upgrade"]
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["web"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["database"]["image"].startswith("postgres:15")


@SERVICE
def test_a_service_builds_a_target_that_exists_or_names_a_version(service: str) -> None:
    built = SERVICES[service].get("build")
    assert built["target"] in stages() if built else re.search(r":\d+", SERVICES[service]["image"])


@SERVICE
def test_a_container_has_a_read_only_root_and_no_rights(service: str) -> None:
    settings = SERVICES[service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert "cap_add" not in settings
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert settings["pids_limit"] > 0
    assert int(settings.get("user", "1").split(":")[0]) > 0


@SERVICE
def test_a_service_that_stays_has_a_health_check_and_a_memory_limit(service: str) -> None:
    settings = SERVICES[service]
    if settings["restart"] == "no":
        return
    target = settings.get("build", {}).get("target", "")
    assert "healthcheck" in settings or stages()[target].all("HEALTHCHECK")
    assert settings["mem_limit"]


@pytest.mark.parametrize("service", OURS)
def test_every_leukolens_variable_and_secret_is_a_setting(service: str) -> None:
    assert set(settings_of(service)) <= VARIABLES | {"FORWARDED_ALLOW_IPS"}  # uvicorn's own
    assert {name.upper() for name in secrets_of(service)} <= VARIABLES
    assert set(re.findall(r"LEUKOLENS_\w+(?==)", DOCKERFILE)) <= VARIABLES


@pytest.mark.parametrize("service", ["web", "migrate"])
def test_production_starts_with_what_compose_gives(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings_of(service)
    secrets = {"LEUKOLENS_SECRET_KEY": "0" * 64, "LEUKOLENS_DATABASE_URL": "postgresql+psycopg://database"}
    assert {name.upper() for name in secrets_of(service)} == set(secrets)
    for name, value in (given | secrets).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.env == "production"
    assert settings.secure_cookies
    assert settings.allowed_hosts == ["cells.example.org", "localhost"]


def test_the_engine_has_no_network_no_secret_and_cannot_change_models() -> None:
    worker = SERVICES["worker"]
    assert worker["network_mode"] == "none"
    assert "networks" not in worker
    assert "secrets" not in worker
    assert "environment" not in worker
    assert set(worker["volumes"]) == {"models:/data/models:ro", "engine:/run/leukolens"}


def test_web_and_engine_meet_at_one_socket() -> None:
    socket = settings_of("web")["LEUKOLENS_WORKER_URL"].removeprefix("unix:")
    assert json.loads(stages()["worker"].all("CMD")[-1])[-1] == socket
    assert socket in stages()["worker"].all("HEALTHCHECK")[-1]
    assert "engine:/run/leukolens:ro" in SERVICES["web"]["volumes"]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    open_networks = [name for name, network in COMPOSE["networks"].items() if not network.get("internal")]
    assert [
        name for name, service in SERVICES.items() if set(service.get("networks", [])) & set(open_networks)
    ] == ["proxy"]


@SERVICE
def test_secrets_are_files_outside_the_repository_and_every_one_is_declared(service: str) -> None:
    assert set(secrets_of(service).values()) <= set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


@SERVICE
def test_every_named_volume_is_declared_and_its_folder_belongs_to_its_user(service: str) -> None:
    mounts = [volume.split(":") for volume in SERVICES[service].get("volumes", [])]
    assert {name for name, *_ in mounts} <= set(COMPOSE["volumes"])
    prepared = " ".join(stages()["runtime"].all("RUN"))
    assert all(folder in prepared for _, folder, *_ in mounts if service in OURS)
