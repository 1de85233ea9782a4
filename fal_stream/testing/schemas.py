"""The schemas of request bodies at the REST URLs, and the 422 for a wrong body.

Promises: the rest of the server only gets valid bodies. The error has the format of FastAPI
(https://fastapi.tiangolo.com/tutorial/handling-errors/), without the values that the client sent.
"""

from __future__ import annotations

import json
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fal_stream.testing.http_error import HTTPError
from fal_stream.testing.request import RecordedRequest

__all__ = ["PartList", "TokenOrder", "UploadOrder", "read_body"]

_Text = Annotated[str, Field(min_length=1)]
# The server returns the media type in a header field.
_MediaType = Annotated[str, Field(pattern=r"^[\x20-\x7e]+$")]


class _Body(BaseModel):
    # Strict and without extra fields, so that a misspelt field of a client is noticed.
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True)


class TokenOrder(_Body):
    """The body of `POST /tokens/`."""

    allowed_apps: list[_Text] = Field(min_length=1)
    token_expiration: float = Field(gt=0, allow_inf_nan=False)


class UploadOrder(_Body):
    """The body of both `POST /storage/upload/initiate...`."""

    content_type: _MediaType
    file_name: _Text


class Part(_Body):
    """One part in the body that completes an upload."""

    number: int = Field(alias="partNumber")
    etag: str


class PartList(_Body):
    """The body that completes an upload in parts."""

    parts: list[Part]


_Model = TypeVar("_Model", bound=_Body)


def read_body(request: RecordedRequest, model: type[_Model]) -> _Model:
    """Return the body of a request, validated as a model.

    Raises:
        HTTPError: The body is not valid.
    """
    try:
        return model.model_validate_json(request.body)
    except ValidationError as error:
        found = json.loads(error.json(include_url=False, include_input=False))
    raise HTTPError(422, [{**one, "loc": ["body", *one["loc"]]} for one in found])
