"""What every new brokerage has of clients: legal documents to begin with."""

from __future__ import annotations


def ensure(preset: str = "") -> None:
    """Version 1 of each legal document where there is none (called by provisioning). Idempotent."""
    from .legal import legal_defaults_ensure

    legal_defaults_ensure()
