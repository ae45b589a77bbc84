"""Addresses of the office surface; apps contribute theirs."""

from __future__ import annotations

from kernel.urls import surface_urls

urlpatterns = surface_urls("office")
