"""The look of Rialto: theme loader, template tags, form renderer, table helpers, brand colours.

Knows nothing of tenants or brokers: the request middleware tells it what to show through `kernel.ui.context`.
"""
