from .provider import ClickProvider

__all__ = ["ClickProvider"]
