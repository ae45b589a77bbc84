from django.apps import AppConfig


class TradingConfig(AppConfig):
    name = "tenant_apps.trading"
    label = "trading"
