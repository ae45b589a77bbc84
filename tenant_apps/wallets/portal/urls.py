from django.urls import path

from . import exchange, send, statements, views

urlpatterns = [
    path("wallets/", views.wallets, name="wallets"),
    path("wallets/exchange/", exchange.exchange, name="exchange"),
    path("wallets/exchange/<uuid:exchange_id>/", exchange.quote, name="exchange-quote"),
    path("wallets/exchange/<uuid:exchange_id>/confirm/", exchange.confirm, name="exchange-confirm"),
    path("wallets/send/", send.send, name="send"),
    path("wallets/send/<uuid:client_transfer_id>/", send.sent, name="sent"),
    path("wallets/send/<uuid:client_transfer_id>/cancel/", send.cancel, name="sent-cancel"),
    path("wallets/balances/", statements.balances, name="balances"),
    path("wallets/balances/pdf/", statements.balances_pdf, name="balances-pdf"),
    path("wallets/<str:currency>/statement/", statements.statement, name="statement-period"),
    path("wallets/<str:currency>/statement/csv/", statements.statement_csv, name="statement-csv"),
    path("wallets/<str:currency>/statement/pdf/", statements.statement_pdf, name="statement-pdf"),
    path("wallets/<str:currency>/", views.wallet, name="wallet"),
]
