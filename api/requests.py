"""What is asked of a request before its body is looked at."""

from email.message import Message
from http import HTTPStatus

from starlette.requests import Request

from api.problems import Refusal


def json_only(request: Request) -> None:
    """Also keeps forms of web pages out: they can send anything but this without being asked first."""
    given = request.headers.get("content-type", "")
    header = Message()
    header["content-type"] = given
    if header.get_content_type() != "application/json":
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"the body is {given!r}: send JSON, as application/json",
            field="header.Content-Type",
        )
