"""The official client over our guarded HTTP, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import stripe

from kernel import http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable


class GuardedClient(stripe.HTTPClient):
    """stripe-python's transport slot filled with kernel.http: no way into private networks, time-outs of ours."""

    name: ClassVar[str] = "httpx"
    may_have_arrived = False  # of any attempt: the library raises only the last one's failure

    def request(  # type: ignore[override]
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        try:
            response = http.request(
                method.upper(), url, safe_to_repeat=False, headers=headers, content=post_data or None, tries=1
            )
        except Unavailable as error:
            raise _connection_error(error, sent=self.may_have_arrived) from error
        except OutcomeUnknown as error:
            self.may_have_arrived = True
            raise _connection_error(error, sent=True) from error
        self.may_have_arrived |= response.status_code >= 500
        return response.text, response.status_code, response.headers

    def close(self) -> None:
        return None


def _connection_error(error: Exception, *, sent: bool) -> stripe.APIConnectionError:
    # Every POST carries an idempotency key, so the library may repeat even what may have arrived.
    failure = stripe.APIConnectionError(str(error), should_retry=True)
    failure.maybe_sent = sent  # type: ignore[attr-defined]
    return failure


def client(secret_key: str, base_url: str) -> stripe.StripeClient:
    addresses: Any = {"api": base_url.rstrip("/")} if base_url else None
    return stripe.StripeClient(secret_key, base_addresses=addresses, http_client=GuardedClient(), max_network_retries=2)


@contextmanager
def errors(*, writes: bool) -> Iterator[None]:
    """Translate what the library raises. A write whose answer got lost is of unknown outcome, a read just failed."""
    lost = OutcomeUnknown if writes else Unavailable
    try:
        yield
    except stripe.APIConnectionError as error:
        raise (lost if getattr(error, "maybe_sent", True) else Unavailable)(provider="stripe") from error
    except (stripe.AuthenticationError, stripe.PermissionError, stripe.RateLimitError) as error:
        raise Unavailable(_words(error), provider="stripe") from error
    except stripe.IdempotencyError as error:
        raise lost(_words(error), provider="stripe") from error
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise Rejected(_words(error), provider="stripe", reason=error.code or "") from error
    except stripe.StripeError as error:
        raise lost(_words(error), provider="stripe") from error


def _words(error: stripe.StripeError) -> str:
    return error.user_message or "Stripe"
