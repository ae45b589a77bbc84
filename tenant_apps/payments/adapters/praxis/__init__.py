from .provider import PraxisProvider

__all__ = ["PraxisProvider"]
