from .provider import DLocalProvider

__all__ = ["DLocalProvider"]
