"""Production refuses to start half configured, and never prints a secret."""

import stat
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
