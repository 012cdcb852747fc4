"""Readers of Dockerfile and docker-compose.yml; there is no engine here to ask."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@dataclass
class Stage:
    """One `FROM ... AS name` with the instructions below it, continuation lines joined."""

    name: str
    parent: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [text for word, text in self.instructions if word == keyword]


def stages() -> dict[str, Stage]:
    """The Dockerfile's stages by name, in order."""
    found: dict[str, Stage] = {}
    text = re.sub(r"(<<'(\w+)'[^\n]*)\n.*?\n\2$", r"\1", DOCKERFILE, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    current: Stage | None = None
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            parent, _, name = rest.partition(" AS ")
            current = found[name] = Stage(name, parent)
        elif current is not None:
            current.instructions.append((word, rest.strip()))
    return found


def lineage(name: str) -> list[Stage]:
    """A stage and the stages it is built from, nearest first."""
    known = stages()
    line = [known[name]]
    while line[-1].parent in known:
        line.append(known[line[-1].parent])
    return line


def heredoc(path: str) -> str:
    """The file that the Dockerfile writes to `path`."""
    found = re.search(rf"^COPY <<'(\w+)' {re.escape(path)}\n(.*?\n)\1$", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"Expected the Dockerfile to write {path}."
    return found[2]
