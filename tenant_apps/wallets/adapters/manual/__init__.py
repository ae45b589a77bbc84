from .source import ManualSource as ManualSource
