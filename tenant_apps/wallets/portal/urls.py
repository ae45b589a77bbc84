from django.urls import path

from . import views

urlpatterns = [
    path("wallets/", views.wallets, name="wallets"),
    path("wallets/<str:currency>/", views.wallet, name="wallet"),
]
