"""Why a file is no picture of one segmented cell; apart from `decoding`, so that naming a refusal loads no decoder."""

from enum import StrEnum


class RefusalCode(StrEnum):
    """Why the form of a file was refused; the values are the `code` of the API's problem documents."""

    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    IMAGE_UNREADABLE = "image_unreadable"
    IMAGE_WRONG_SIZE = "image_wrong_size"
    IMAGE_NOT_SEGMENTED = "image_not_segmented"
    IMAGE_EMPTY = "image_empty"
    PAYLOAD_TOO_LARGE = "payload_too_large"


class ImageRefused(ValueError):
    """A file that is no 450x450 picture of one segmented cell: `code` names the rule, `str()` explains it."""

    def __init__(self, code: RefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type["ImageRefused"], tuple[RefusalCode, str]]:
        return type(self), (self.code, self.detail)  # travels from the decoder process with both fields


def unreadable(why: str) -> ImageRefused:
    """A refusal of a file that has no usable picture in it."""
    return ImageRefused(
        RefusalCode.IMAGE_UNREADABLE,
        f"The file could not be read: {why}. Export the cell again and resend it.",
    )
