"""What in a free text may name a person: patterns that Python and browsers read alike.

They warn before something is sent and never refuse: many a harmless accession looks like a number of birth.
"""

from typing import Final

from app.web.page_contexts import PrivatePattern

PRIVATE_PATTERNS: Final = (
    PrivatePattern(
        r"\b[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'\u2019-]+,? +[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ'\u2019-]+",
        "looks like a name.",
    ),
    PrivatePattern(
        r"^[A-Za-zÀ-ÖØ-öø-ÿ'\u2019. -]{3,}$", "holds no digit, so it may be a name.", only="accession"
    ),
    PrivatePattern(
        r"\b(?:[0-3]?\d[./-][01]?\d[./-](?:19|20)?\d\d|(?:19|20)\d\d([./-]?)[01]\d\1[0-3]\d)\b",
        "holds what looks like a date, of birth for instance.",
    ),
    PrivatePattern(
        r"\b(?:MRN|mrn|PID|pid|SSN|ssn|NHS|CPR|[Pp]atient(?:en)? ?(?:[Ii][Dd]|[Nn]o|[Nn]r|[Nn]umber))\b",
        "speaks of a record number.",
    ),
    PrivatePattern(
        r"\b(?:\d{3}-\d\d-\d{4}|\d{6}[-+]\d{4}|\d{3} \d{3} \d{4})\b",
        "has the form of a national number.",
    ),
)
