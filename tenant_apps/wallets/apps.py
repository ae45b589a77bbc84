from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "tenant_apps.wallets"
    label = "wallets"

    def ready(self) -> None:
        from kernel.live import publish  # needs the models

        publish.bare("money")  # who sees their own clients only watches it too
