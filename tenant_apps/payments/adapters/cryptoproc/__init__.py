from .provider import CryptoProcessingProvider

__all__ = ["CryptoProcessingProvider"]
