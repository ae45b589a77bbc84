from .provider import BankWireProvider, own_iban

__all__ = ["BankWireProvider", "own_iban"]
