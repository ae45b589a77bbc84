"""Settings of every environment. Values come from the environment, typed, and fail at start (config.env)."""

from __future__ import annotations

import os

from django.utils.translation import gettext_noop

from config import env
from kernel.defects import start as start_defects
from kernel.logs import configure as configure_logs

ROOT = env.ROOT
STATE = env.Path(env.text("RIALTO_STATE", str(ROOT / ".rialto")))

SECRET_KEY = env.text("RIALTO_SECRET_KEY")
MASTER_KEY = env.text("RIALTO_MASTER_KEY")
DEBUG = False
DEMO = env.flag("RIALTO_DEMO")

PLATFORM_DOMAIN = env.text("RIALTO_DOMAIN", "localhost")
PUBLIC_SCHEME = env.text("RIALTO_SCHEME", "http")
PUBLIC_PORT = env.number("RIALTO_PORT", 8000)
PUBLIC_PORT_SUFFIX = "" if PUBLIC_PORT in (80, 443) else f":{PUBLIC_PORT}"
BEHIND_PROXY = env.flag("RIALTO_BEHIND_PROXY")
ALLOWED_HOSTS = ["*"]  # the tenancy middleware answers unknown hosts with 421 before anything else runs
CLOCK_MOVABLE = DEMO

# --- apps: shared ones have tables in `public`, tenant ones in each brokerage's schema, none in both -----------------
SHARED_APPS = [
    "shared_apps.tenants",
    "shared_apps.operators",
    "shared_apps.site",
    "shared_apps.console",
    "provisioning",
]
TENANT_APPS = [
    "kernel",
    "tenant_apps.ledger",
    "tenant_apps.notifications",
    "tenant_apps.branding",
    "tenant_apps.accounts",
    "tenant_apps.clients",
    "tenant_apps.wallets",
    "tenant_apps.leads",
    "tenant_apps.kyc",
    "tenant_apps.payments",
    "tenant_apps.trading",
    "tenant_apps.bonuses",
    "tenant_apps.copying",
    "tenant_apps.reconciliation",
    "tenant_apps.campaigns",
    "tenant_apps.automation",
    "tenant_apps.reports",
    "tenant_apps.office",
    "tenant_apps.portal",
]


def _present(app: str) -> bool:
    """Apps land one by one while the house is being built; a listed one that is not there yet is left out."""
    folder = ROOT.joinpath(*app.split("."))
    return (ROOT / "platform" / app).is_dir() or (folder / "apps.py").exists()


SHARED_APPS = [app for app in SHARED_APPS if _present(app)]
TENANT_APPS = [app for app in TENANT_APPS if _present(app)]
SHARED_APP_LABELS = frozenset(app.rpartition(".")[2] for app in SHARED_APPS)

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "django.contrib.messages",
    "django_htmx",
    *SHARED_APPS,
    *TENANT_APPS,
]

# --- databases: the application's login, and the owner's for migrations and provisioning ----------------------------
_login = env.database_url("DATABASE_URL")
_owner = env.database_url("DATABASE_OWNER_URL", env.text("DATABASE_URL"))
_pool = {"min_size": 0, "max_size": env.number("RIALTO_DB_POOL", 20), "max_lifetime": 600, "timeout": 15}
DATABASES = {
    # The pool looks whether a connection lives before it hands it out: after a restart of PostgreSQL nobody gets a dead one.
    "default": {
        **env.django_database(_login, options={"pool": _pool}),
        "ATOMIC_REQUESTS": False,
        "CONN_HEALTH_CHECKS": True,
    },
    "owner": env.django_database(_owner),
}
DATABASE_ROUTERS = ["kernel.tenancy.router.TenancyRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TENANT_DIRECTORY = "shared_apps.tenants.selectors"

REDIS_URL = env.text("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "kernel.tenancy.cache.make_key",
        "KEY_PREFIX": "rialto:cache",
    }
}

# --- sessions and log-in ---------------------------------------------------------------------------------------------
SESSION_ENGINE = "kernel.sessions"
SESSION_MODELS = {"tenant": "accounts.UserSession", "public": "operators.OperatorSession"}
ACCOUNT_MODELS = {"tenant": "accounts.User", "public": "operators.Operator"}
SECURE = PUBLIC_SCHEME == "https"
SESSION_COOKIE_NAME = "__Host-sid" if SECURE else "sid"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_USE_SESSIONS = False
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
ACTOR_RESOLVERS = {
    "office": "tenant_apps.accounts.actors.staff_actor",
    "portal": "tenant_apps.clients.actors.client_actor",
    "console": "shared_apps.operators.actors.operator_actor",
}

MIDDLEWARE = [
    "kernel.middleware.RequestIdMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kernel.middleware.SecurityHeadersMiddleware",
    "kernel.middleware.CleanTextMiddleware",
    "kernel.tenancy.middleware.TenancyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "kernel.middleware.ActorMiddleware",
    "kernel.middleware.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kernel.ui.middleware.ShellMiddleware",
    "shared_apps.operators.middleware.BreakGlassMiddleware",
    "shared_apps.operators.middleware.TenantStateMiddleware",
    "tenant_apps.notifications.middleware.BellMiddleware",
    "kernel.middleware.ErrorMiddleware",
    "kernel.guards.GuardMiddleware",
]
LOGIN_URL = "/login/"
SECOND_FACTOR_URL = "/second-factor/"
SHELL_BRAND = "tenant_apps.branding.shell.brand_of"
MENU_COUNTS_KEPT = 5  # seconds (kernel.badges)
SHELL_ADDRESSES = {
    "office": {"command_url": "/find/", "profile_url": "/me/", "logout_url": "/logout/"},
    "portal": {"profile_url": "/profile/", "logout_url": "/logout/"},
    "console": {"profile_url": "/me/", "logout_url": "/logout/"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
ROOT_URLCONF = "config.urls_site"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = True

# --- pages ------------------------------------------------------------------------------------------------------------
THEMES_ROOT = ROOT / "themes"
if (ROOT / "platform" / "kernel" / "ui" / "settings.py").exists():
    from kernel.ui.settings import FORM_RENDERER, TEMPLATES, UI_APPS  # noqa: F401

    INSTALLED_APPS = [*UI_APPS, *INSTALLED_APPS]
else:  # before the component library is there, plain templates
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
STATIC_ROOT = STATE / "static"
STATICFILES_DIRS = [path for path in (ROOT / "static" / "dist",) if path.is_dir()]
WHITENOISE_USE_FINDERS = True

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", gettext_noop("English")),
    ("de", gettext_noop("German")),
    ("ar", gettext_noop("Arabic")),
    ("ru", gettext_noop("Russian")),
    ("es", gettext_noop("Spanish")),
]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files, mail, tasks -----------------------------------------------------------------------------------------------
FILES_ROOT = STATE / "files"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
UPLOAD_MAX_BYTES = 32 * 1024 * 1024  # of all files of a request: both sides of a document, or a bank's statement
BODY_MAX_BYTES = UPLOAD_MAX_BYTES + 1024 * 1024  # of a request as a whole, the form's fields around the files included
FILE_UPLOAD_HANDLERS = [
    "kernel.uploads.QuotaHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
S3 = {
    "endpoint_url": env.text("S3_ENDPOINT_URL", ""),
    "bucket": env.text("S3_BUCKET", ""),
    "access_key": env.text("S3_ACCESS_KEY", ""),
    "secret_key": env.text("S3_SECRET_KEY", ""),
}
EMAIL_URL = env.text("EMAIL_URL", "")
DEFAULT_FROM_EMAIL = f"no-reply@{PLATFORM_DOMAIN}"

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 900, "global_keyprefix": "rialto:celery:"}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Celery would end the pool with its threads, and with it the connection, before and after every task. `kernel.tasks` gives the
# connection back to the pool instead, which looks whether it still lives when it hands it out again.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# What goes out may reach these although they are private: a trading server behind a tunnel, the demo's stand-ins.
OUTGOING_ALLOWED_HOSTS: frozenset[str] = env.addresses("RIALTO_PRIVATE_ADDRESSES")
OUTGOING_ALLOWED_SUFFIXES: tuple[str, ...] = (".localhost",) if DEMO else ()
SANDBOX = {name.lower(): value for name, value in env.prefixed("SANDBOX_").items()}
if DEMO:
    from urllib.parse import urlsplit

    OUTGOING_ALLOWED_HOSTS |= frozenset(
        urlsplit(value).netloc for name, value in SANDBOX.items() if value and name.endswith("_url")
    )

SENTRY_DSN = env.text("SENTRY_DSN", "")
if SENTRY_DSN:
    start_defects(SENTRY_DSN)

SILENCED_SYSTEM_CHECKS = ["models.W036"]
LOGGING_CONFIG = None
configure_logs(json=not os.isatty(2), level=env.text("RIALTO_LOG_LEVEL", "INFO"))
