from .provider import AdyenProvider

__all__ = ["AdyenProvider"]
