"""Production refuses to start half configured, and never prints a secret."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import Settings

GOOD_SECRET = "s" * 32


def test_development_needs_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.database.startswith("sqlite:///")
    assert not settings.secure_cookies


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"allowed_hosts": ["lab.example"]}, "LEUKOLENS_SECRET_KEY"),
        ({"allowed_hosts": ["lab.example"], "secret_key": "short-hush"}, "LEUKOLENS_SECRET_KEY"),
        ({"secret_key": GOOD_SECRET}, "LEUKOLENS_ALLOWED_HOSTS"),
        ({"secret_key": GOOD_SECRET, "allowed_hosts": ["*"]}, "LEUKOLENS_ALLOWED_HOSTS"),
    ],
)
def test_production_names_the_setting_it_misses(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError, match=named) as refused:
        Settings(env="production", **given)
    messages = [error["msg"] for error in refused.value.errors(include_input=False)]
    assert all("hush" not in message and GOOD_SECRET not in message for message in messages)


def test_production_has_https_cookies_unless_the_network_is_declared_closed() -> None:
    given = {"env": "production", "secret_key": GOOD_SECRET, "allowed_hosts": ["lab.example"]}
    assert Settings(**given).secure_cookies
    assert not Settings(**given, insecure_http=True).secure_cookies


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = Settings(data_dir=tmp_path).secret
    assert Settings(data_dir=tmp_path).secret == first
    assert len(first) >= 32
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "LEUKOLENS_SECRET_KEY"),
        ({"SECRET_KEY": "hush-hush", "MAX_UPLOAD_MB": "much"}, "max_upload_mb"),
        *(
            pytest.param(given, named, marks=pytest.mark.slow)
            for given, named in (
                ({"SECRET_KEY": "hush-hush"}, "LEUKOLENS_SECRET_KEY"),
                ({"SECRET_KEY": GOOD_SECRET}, "LEUKOLENS_ALLOWED_HOSTS"),
                ({"SECRET_KEY": GOOD_SECRET, "ALLOWED_HOSTS": '["*"]'}, "LEUKOLENS_ALLOWED_HOSTS"),
                (
                    {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_SECRET": "hush-hush"},
                    "LEUKOLENS_OIDC_ISSUER",
                ),
                (
                    {
                        "OIDC_ISSUER": "http://id.example",
                        "OIDC_CLIENT_ID": "x",
                        "OIDC_CLIENT_SECRET": "hush-hush",
                    },
                    "LEUKOLENS_OIDC_ISSUER",
                ),
            )
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else value,
)
def test_a_server_that_may_not_start_says_which_setting_and_never_its_value(
    tmp_path: Path, given: dict[str, str], named: str
) -> None:
    environment = {f"LEUKOLENS_{name}": value for name, value in given.items()} | {
        "LEUKOLENS_ENV": "production",
        "LEUKOLENS_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", "0"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert (done.returncode, named in said) == (1, True), said
    assert not [value for name, value in given.items() if "SECRET" in name and value in said]
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
