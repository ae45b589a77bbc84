"""Just enough Django to draw the style guide: no tenants, no database tables."""

from kernel.ui.settings import COTTON_ISOLATE_BY_DEFAULT, FORM_RENDERER, STATIC_DIST, TEMPLATES, UI_APPS  # noqa: F401

SECRET_KEY = "only-for-the-style-guide"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *UI_APPS,
]
MIDDLEWARE = [
    "tests.ui.middleware.StyleguideMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
ROOT_URLCONF = "tests.ui.urls"
ASGI_APPLICATION = "tests.ui.asgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
STATIC_URL = "/static/"
STATICFILES_DIRS = [STATIC_DIST]
WHITENOISE_USE_FINDERS = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ar", "العربية"), ("ru", "Русский"), ("es", "Español")]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CLOCK_MOVABLE = False
