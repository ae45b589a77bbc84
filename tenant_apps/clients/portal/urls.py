"""Addresses of registration, verification and legal documents in the portal."""

from __future__ import annotations

from django.urls import path

from . import views

urlpatterns = [
    path("register/", views.register, name="register"),
    path("register/documents/", views.register_documents, name="register-documents"),
    path("register/password/", views.register_password, name="register-password"),
    path("verify/<str:token>/", views.verify, name="verify"),
    path("verify-again/", views.verify_again, name="verify-again"),
    path("legal/", views.legal_list, name="legal"),
    path("legal/<str:kind>/", views.legal, name="legal-document"),
    path("accept/", views.accept, name="accept"),
]
