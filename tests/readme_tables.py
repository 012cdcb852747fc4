"""Tables of README and guides, made from what the code says. `poe docs` writes them, a test holds them equal."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from typer.core import TyperGroup
from typer.main import get_command

from app.cli import app as cli
from app.interop import codes
from app.notice import KNOWN_LIMITS
from app.settings import Settings

README = Path(__file__).parents[1] / "README.md"


def settings_table() -> str:
    """One row per field of `Settings`: variable, default, description."""
    rows = [
        (f"`LEUKOLENS_{name.upper()}`", default_of(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return table(("variable", "default", "meaning"), rows)


def default_of(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = int(value)
    text = json.dumps(value) if isinstance(value, list) else str(value)
    return f"`{text}`" if text else ""


def commands() -> dict[str, str]:
    """Every command as it is typed, `leukolens models list` for instance, with its first line of help."""
    found: dict[str, str] = {}
    for name, command in root().commands.items():
        if isinstance(command, TyperGroup):
            found |= {f"leukolens {name} {below}": help_of(leaf) for below, leaf in command.commands.items()}
        else:
            found[f"leukolens {name}"] = help_of(command)
    return found


def command_table() -> str:
    """One row per command, a group in one row."""
    rows = []
    for name, command in root().commands.items():
        below = " \\| ".join(command.commands) if isinstance(command, TyperGroup) else ""
        rows.append((f"`leukolens {name} {below}".rstrip() + "`", help_of(command)))
    return table(("command", "does"), rows)


def root() -> TyperGroup:
    group = get_command(cli)
    assert isinstance(group, TyperGroup)
    return group


def help_of(command: Any) -> str:
    return str(command.help).partition("\n")[0]


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code_table() -> str:
    """One row per code of our own."""
    own = [value for value in vars(codes).values() if isinstance(value, codes.Code)]
    own += [
        code
        for group in (codes.PREDICTED, codes.JUDGED, codes.LABELS, codes.VERDICTS)
        for code in group.values()
    ]
    rows = [(f"`{code.value}`", code.display) for code in own if code.system == codes.LOCAL_SYSTEM]
    return table(("code", "says"), rows)


def limit_list() -> str:
    return "".join(f"- {limit}\n" for limit in KNOWN_LIMITS)


GUIDES = README.parent / "app/guides"
TABLES = {
    README: {"settings": settings_table, "commands": command_table},
    GUIDES / "integrator.md": {"codes": code_table},
    GUIDES / "intended-use.md": {"limits": limit_list},
}


def with_tables(document: Path) -> str:
    """The document with each table between its two marks written again."""
    text = document.read_text(encoding="utf-8")
    for name, render in TABLES[document].items():
        block = f"<!-- {name} -->\n{render()}<!-- /{name} -->"
        text, count = re.subn(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _: block, text, flags=re.DOTALL)  # noqa: B023 - used at once
        assert count == 1, f"Expected {document.name} to have one pair of marks for {name}, found {count}."
    return text


if __name__ == "__main__":
    for document in TABLES:
        document.write_text(with_tables(document), encoding="utf-8")
