from .provider import AcmepayProvider

__all__ = ["AcmepayProvider"]
