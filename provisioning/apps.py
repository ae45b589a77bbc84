from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    """Collects each app's `defaults.ensure` and `defaults.connect` when all apps are loaded."""

    name = "provisioning"
    label = "provisioning"

    def ready(self) -> None:
        from provisioning.presets import discover

        discover()
