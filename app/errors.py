"""Everything the service may refuse, drawn once.

LeukolensError
├── NotAuthenticated    401 not_authenticated
├── NotAllowed          403 not_allowed
├── NotFound            404 not_found
├── Conflict            409 conflict
├── StillRunning        409 still_running          + Retry-After
├── KeyReused           422 idempotency_key_reused
├── BadRequest          422 bad_request
├── ContentAltered      422 content_altered
├── FileRefused         413, 415, 422; the code is `models.refusals.RefusalCode`
├── TooLarge            413 payload_too_large
├── RateLimited         429 rate_limited           + Retry-After
├── ClientGone          499 client_gone, seen by nobody
├── Overloaded          503 overloaded             + Retry-After
├── EngineUnavailable   503 engine_unavailable     + Retry-After
├── ScoreFailed         500 score_failed
├── ProviderUnavailable 503 provider_unavailable   + Retry-After
├── DatabaseUnavailable 503 database_unavailable   + Retry-After
├── StorageUnavailable  503 storage_unavailable    + Retry-After
└── StorageFull         507 storage_full

Services raise them and know no HTTP; `app.responses` turns them into problem documents or pages.
"""

import errno

from models.refusals import ImageRefused, RefusalCode


class LeukolensError(Exception):
    """A refusal with a stable code. detail: what was expected, what came, what to do."""

    status = 500
    code = "internal_error"
    title = "Something went wrong here"

    def __init__(self, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class NotAuthenticated(LeukolensError):
    status, code, title = 401, "not_authenticated", "Sign in or send a key"


class NotAllowed(LeukolensError):
    status, code, title = 403, "not_allowed", "Not allowed for this account or key"


class NotFound(LeukolensError):
    status, code, title = 404, "not_found", "Nothing here"


class Conflict(LeukolensError):
    status, code, title = 409, "conflict", "Somebody changed this meanwhile"


class StillRunning(LeukolensError):
    status, code, title = 409, "still_running", "The first request with this key is still running"


class KeyReused(LeukolensError):
    status, code, title = 422, "idempotency_key_reused", "This key belongs to another request"


class BadRequest(LeukolensError):
    """field: name of the form field it is about, when it is about one."""

    status, code, title = 422, "bad_request", "The request cannot be used as it is"

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class ContentAltered(LeukolensError):
    status, code, title = 422, "content_altered", "The body changed on its way"


class TooLarge(LeukolensError):
    status, code, title = 413, "payload_too_large", "The request is too large"


class RateLimited(LeukolensError):
    status, code, title = 429, "rate_limited", "Too many attempts"


class ClientGone(LeukolensError):
    status, code, title = 499, "client_gone", "The client hung up"


class Overloaded(LeukolensError):
    status, code, title = 503, "overloaded", "All places are taken"


class EngineUnavailable(LeukolensError):
    status, code, title = 503, "engine_unavailable", "The model is not answering"


class ScoreFailed(LeukolensError):
    status, code, title = 500, "score_failed", "The model could not score this cell"


class ProviderUnavailable(LeukolensError):
    status, code, title = (
        503,
        "provider_unavailable",
        "The sign-in service of your organisation is not reachable",
    )


class DatabaseUnavailable(LeukolensError):
    status, code, title = 503, "database_unavailable", "The case log is not reachable"


class StorageUnavailable(LeukolensError):
    status, code, title = 503, "storage_unavailable", "The disk is not answering"


class StorageFull(LeukolensError):
    status, code, title = 507, "storage_full", "The disk is full"


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING = frozenset({errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS, errno.ESTALE})


def shortage(failure: OSError) -> LeukolensError | None:
    """What a failing system call means to the asker; None where it says that we have a bug."""
    if failure.errno in _NO_ROOM:
        return StorageFull("There is no room left; nothing was stored. Free space and send again.")
    if failure.errno in _PASSING:
        return StorageUnavailable(
            "The storage did not answer; nothing was stored. Send the request again.", retry_after_s=5
        )
    return None


_REFUSAL_STATUS = {
    RefusalCode.UNSUPPORTED_MEDIA_TYPE: (415, "Not an accepted image format"),
    RefusalCode.PAYLOAD_TOO_LARGE: (413, "The file is too large"),
    RefusalCode.IMAGE_UNREADABLE: (422, "The image cannot be read"),
    RefusalCode.IMAGE_WRONG_SIZE: (422, "The image has the wrong size"),
    RefusalCode.IMAGE_NOT_SEGMENTED: (422, "The cell is not segmented"),
    RefusalCode.IMAGE_EMPTY: (422, "There is no cell in the image"),
}


class FileRefused(LeukolensError):
    """An uploaded file whose form was refused; nothing of it is stored."""

    def __init__(self, refusal: ImageRefused) -> None:
        super().__init__(refusal.detail)
        self.status, self.title = _REFUSAL_STATUS[refusal.code]
        self.code = refusal.code.value
