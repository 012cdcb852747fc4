"""The whole API under schemathesis, as each role and both databases: nothing answers 5xx or unlike its description."""

import copy
import os
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.schemas  # it comes late by itself, beside threads that parse Python as well
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode, checks
from schemathesis.python.asgi import ASGIClient
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts.permissions import Role
from app.accounts.permissions import Scope as KeyScope
from tests.app.conftest import RunningApp, app  # noqa: F401 - `app` is a fixture
from tests.app.test_accounts import browser_of

SEED = int(os.environ.get("LEUKOLENS_FUZZ_SEED", "20261126"))
EXAMPLES = {"default": 2, "slow": 12}
ASKERS = ("stranger", *Role, "key")

checks.load_all_checks()
CHECKS = [
    checks.not_a_server_error,
    *(
        checks.CHECKS.get_one(name)
        for name in (
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        )
    ),
]


class WithoutLifespan:
    """The running app for one more client: it is started already."""

    def __init__(self, running: ASGIApp) -> None:
        self._app = running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await self._app(scope, receive, send)


def headers_of(running: RunningApp, asker: str) -> dict[str, str]:
    if asker == "stranger":
        return {}
    if asker == "key":
        return running.key(*KeyScope)
    cookies = browser_of(running, running.person(Role(asker))).cookies
    return {"Cookie": f"leukolens_session={cookies['leukolens_session']}"}


def without_credentials(running: RunningApp) -> dict[str, Any]:
    """The description without its ways to authenticate: schemathesis would make up keys beside the asker's own."""
    description: dict[str, Any] = copy.deepcopy(running.client.app.openapi())  # type: ignore[attr-defined]
    del description["security"], description["components"]["securitySchemes"]
    return description


def fuzz(running: RunningApp, asker: str, examples: int) -> dict[str, int]:
    """Call every operation with what its description allows and with what it does not; how often each."""
    schema = schemathesis.openapi.from_dict(without_credentials(running))
    session, headers = ASGIClient(WithoutLifespan(running.client.app)), headers_of(running, asker)
    calls: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        operation.app = session.app
        takes_nothing = not [*operation.iter_parameters(), *operation.body]
        for mode in (GenerationMode.POSITIVE,) if takes_nothing else GenerationMode:

            @seed(SEED)
            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                calls[case.operation.label] = calls.get(case.operation.label, 0) + 1
                response = case.call(session=session, headers=headers)
                case.validate_response(response, checks=CHECKS)

            check()
    return calls


@pytest.mark.parametrize("asker", ASKERS)
def test_the_api_answers_as_described_to_a_few_examples(app: RunningApp, asker: str) -> None:  # noqa: F811
    print(f"LEUKOLENS_FUZZ_SEED={SEED}")
    calls = fuzz(app, asker, EXAMPLES["default"])
    assert len(calls) >= 13


@pytest.mark.slow
@pytest.mark.parametrize("asker", ASKERS)
def test_the_api_answers_as_described_to_many_examples(app: RunningApp, asker: str) -> None:  # noqa: F811
    print(f"LEUKOLENS_FUZZ_SEED={SEED}")
    calls = fuzz(app, asker, EXAMPLES["slow"])
    assert sum(calls.values()) >= 300
