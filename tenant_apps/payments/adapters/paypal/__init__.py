from .provider import PayPalProvider

__all__ = ["PayPalProvider"]
