from django.apps import AppConfig


class BonusesConfig(AppConfig):
    name = "tenant_apps.bonuses"
    label = "bonuses"
