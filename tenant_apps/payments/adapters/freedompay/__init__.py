from .provider import FreedomPayProvider

__all__ = ["FreedomPayProvider"]
