from django.apps import AppConfig


class CopyingConfig(AppConfig):
    name = "tenant_apps.copying"
    label = "copying"
