"""Errors as the API words them: an ``error`` object with type, code, message and param."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Ends a request with ``status`` and a Stripe-shaped body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param:
            self.error["param"] = param
        self.error.update(more)

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that can never succeed as it is written."""
    return ApiError(400, message, code=code, param=param)


def missing(kind: str, identifier: str, param: str = "id") -> ApiError:
    """No such object, or it belongs to another account, which looks the same."""
    return ApiError(404, f"No such {kind}: '{identifier}'", code="resource_missing", param=param)
