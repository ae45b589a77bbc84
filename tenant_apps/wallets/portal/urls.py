from django.urls import path

from . import exchange, send, views

urlpatterns = [
    path("wallets/", views.wallets, name="wallets"),
    path("wallets/exchange/", exchange.exchange, name="exchange"),
    path("wallets/exchange/<uuid:exchange_id>/", exchange.quote, name="exchange-quote"),
    path("wallets/exchange/<uuid:exchange_id>/confirm/", exchange.confirm, name="exchange-confirm"),
    path("wallets/send/", send.send, name="send"),
    path("wallets/send/<uuid:client_transfer_id>/", send.sent, name="sent"),
    path("wallets/send/<uuid:client_transfer_id>/cancel/", send.cancel, name="sent-cancel"),
    path("wallets/<str:currency>/", views.wallet, name="wallet"),
]
