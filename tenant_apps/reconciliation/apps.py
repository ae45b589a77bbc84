from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    name = "tenant_apps.reconciliation"
    label = "reconciliation"
