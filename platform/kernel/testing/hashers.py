"""A password hasher that is quick on purpose, for tests."""

from django.contrib.auth.hashers import MD5PasswordHasher


class QuickHasher(MD5PasswordHasher):
    algorithm = "quick"
