from tenant_apps.campaigns.tests.support import moved_clock  # noqa: F401
