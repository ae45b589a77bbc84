from .provider import PayTabsProvider

__all__ = ["PayTabsProvider"]
