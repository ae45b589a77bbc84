from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule


class KernelConfig(AppConfig):
    """The kernel's tables live in every tenant's schema. At start it imports each app's registrations."""

    name = "kernel"
    label = "kernel"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        for config in apps.get_app_configs():
            for name in (
                "permissions_list",
                "events",
                "handlers",
                "commands",
                "tasks",
                "navigation",
                "panels",
                "work",
                "audit_words",
            ):
                if config.name != "kernel" and module_has_submodule(config.module, name):
                    import_module(f"{config.name}.{name}")
        import_module("kernel.background")
