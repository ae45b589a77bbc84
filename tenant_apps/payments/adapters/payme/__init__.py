from .provider import PaymeProvider

__all__ = ["PaymeProvider"]
