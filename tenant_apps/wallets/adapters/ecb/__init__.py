from .source import EcbSource as EcbSource
