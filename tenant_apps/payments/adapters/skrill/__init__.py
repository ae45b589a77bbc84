from .provider import SkrillProvider

__all__ = ["SkrillProvider"]
