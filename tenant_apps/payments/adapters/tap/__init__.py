from .provider import TapProvider

__all__ = ["TapProvider"]
