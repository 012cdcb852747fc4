"""Settings, read once from the environment (prefix `LEUKOLENS_`); the README's table is held equal to this."""

import secrets
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.engines import EngineName

MIN_SECRET_BYTES = 32
SECRETS_DIR = Path("/run/secrets")
"""Where containers find secrets as files; `leukolens_secret_key` there is LEUKOLENS_SECRET_KEY."""


class Settings(BaseSettings):
    """Everything a deployment may choose; each field's description is its line in the README."""

    model_config = SettingsConfigDict(
        env_prefix="LEUKOLENS_",
        extra="ignore",
        frozen=True,
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
    )

    env: Literal["development", "production"] = Field(
        "development", description="`production` demands a secret key, allowed hosts and https cookies"
    )
    data_dir: Path = Field(
        Path("data"), description="folder of the SQLite case log, the images and imported models"
    )
    database_url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in the data folder. PostgreSQL: `postgresql+psycopg://`",
    )
    model: str = Field(
        "vgg16-cnmc/1.0.0",
        description="bundle that seeds an empty registry; after that the registry rules",
    )
    model_key: str = Field(
        "",
        description="Ed25519 public key (PEM); when set, only bundles it has signed are imported and activated",
    )
    training_data: Path | None = Field(
        None,
        description="cells the model was made from; `retrain` learns from them again and judges on their test part",
    )
    engine: EngineName = Field(
        "auto", description="`auto` takes the GPU where one is present; `ncnn`, `tensorflow`"
    )
    worker_url: str = Field(
        "",
        description="engine process that runs elsewhere: `unix:/path` or `http://host:port`; empty starts one here",
    )
    scorer: Literal["local", "ray"] = Field(
        "local",
        description="what computes: `local` one engine process, `ray` the replicas of `app/serve_config.yaml`",
    )
    ray_address: str = Field(
        "",
        description="head of the Ray cluster, `host:6379` or `auto`; empty means the one on this machine, and for `score --cluster` a new one",
    )
    ray_app: str = Field(
        "leukolens", description="name of the Ray Serve application with the engine replicas"
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="keys the digests of sessions and API keys; development makes one in the data folder",
    )
    oidc_issuer: str = Field(
        "",
        description="OpenID provider at which people may sign in, as it names itself; empty means passwords only",
    )
    oidc_client_id: str = Field("", description="name of this service at the OpenID provider")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="secret of this service at the OpenID provider"
    )
    allowed_hosts: list[str] = Field(
        ["*"], description="JSON list of host names the server answers to; production demands names"
    )
    insecure_http: bool = Field(
        False, description="production without https, for a closed network; said so on every page"
    )
    max_upload_mb: int = Field(
        64, ge=2, le=1024, description="largest request body; one image is at most 2 MB"
    )
    queue_limit: int = Field(
        64, ge=1, le=10_000, description="images waiting for the engine before new ones get 503"
    )
    deadline_s: float = Field(
        10.0, gt=0, le=120, description="seconds an upload waits for its prediction before it gets 503"
    )

    @field_validator("scorer")
    @classmethod
    def _ray_is_installed(cls, scorer: str) -> str:
        if scorer == "ray" and find_spec("ray") is None:
            raise ValueError("LEUKOLENS_SCORER=ray needs Ray: install the extra `cluster`")
        return scorer

    @model_validator(mode="after")
    def _provider_is_whole(self) -> "Settings":
        if not self.oidc_issuer:
            return self
        if find_spec("authlib") is None:
            raise ValueError("LEUKOLENS_OIDC_ISSUER needs Authlib: install the extra `oidc`")
        if not self.oidc_client_id or not self.oidc_client_secret.get_secret_value():
            raise ValueError("LEUKOLENS_OIDC_ISSUER: expected a client id and a client secret beside it")
        if self.env == "production" and not self.oidc_issuer.startswith("https://"):
            raise ValueError("LEUKOLENS_OIDC_ISSUER: expected an https address in production")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.env != "production":
            return self
        if len(self.secret_key.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(
                f"LEUKOLENS_SECRET_KEY: expected at least {MIN_SECRET_BYTES} bytes in production"
            )
        if not self.allowed_hosts or "*" in self.allowed_hosts:
            raise ValueError("LEUKOLENS_ALLOWED_HOSTS: expected host names in production, not '*'")
        return self

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'case_log.sqlite3').absolute()}"

    @property
    def secure_cookies(self) -> bool:
        return self.env == "production" and not self.insecure_http

    @property
    def image_dir(self) -> Path:
        return self.data_dir / "images"

    @property
    def erasure_list(self) -> Path:
        """Which cases were erased, outside the case log, so that it outlives one that is put back."""
        return self.data_dir / "audit" / "erasures.jsonl"

    @property
    def model_dir(self) -> Path:
        """Where imported bundles lie; shipped ones are in `models/store`."""
        return self.data_dir / "models"

    @property
    def retraining_dir(self) -> Path:
        """Where retrainings work, and where inconclusive challengers wait."""
        return self.data_dir / "retrainings"

    @cached_property
    def secret(self) -> bytes:
        """The secret key; in development made on first use and kept in the data folder, readable by its owner."""
        given = self.secret_key.get_secret_value().encode()
        if given:
            return given
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(MIN_SECRET_BYTES), encoding="ascii")
        return path.read_bytes()
