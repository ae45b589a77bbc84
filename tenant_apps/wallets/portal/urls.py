from django.urls import path

from . import exchange, views

urlpatterns = [
    path("wallets/", views.wallets, name="wallets"),
    path("wallets/exchange/", exchange.exchange, name="exchange"),
    path("wallets/exchange/<uuid:exchange_id>/", exchange.quote, name="exchange-quote"),
    path("wallets/exchange/<uuid:exchange_id>/confirm/", exchange.confirm, name="exchange-confirm"),
    path("wallets/<str:currency>/", views.wallet, name="wallet"),
]
