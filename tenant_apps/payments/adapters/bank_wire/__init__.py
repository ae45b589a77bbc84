from .provider import BankWireProvider

__all__ = ["BankWireProvider"]
