"""A mail on a page of the office, as it arrives."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpResponse

from kernel.tenancy import context, directory


def mail_frame(html: str) -> HttpResponse:
    """For a frame on our own pages. The mail brings its styles, and its logo from the portal; nothing else loads or runs."""
    portal = urlsplit(directory.absolute_url(context.tenant(), "portal", "/"))
    pictures = f"'self' data: {portal.scheme}://{portal.netloc}"
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; frame-ancestors 'self'; sandbox"
    return HttpResponse(html, headers={"Content-Security-Policy": policy})
