from django.urls import path

from . import accounts, history, views, webhooks

urlpatterns = [
    path("webhooks/<uuid:account_id>/", webhooks.webhook, name="webhook"),
    path("cashier/", views.cashier, name="cashier"),
    path("cashier/return/<uuid:deposit_id>/", webhooks.deposit_return, name="deposit-return"),
    path("cashier/deposits/<uuid:deposit_id>/", views.deposit_page, name="deposit"),
    path("cashier/deposits/<uuid:deposit_id>/retry/", views.deposit_retry, name="deposit-retry"),
    path("cashier/withdraw/", views.withdraw, name="withdraw"),
    path("cashier/withdrawals/<uuid:withdrawal_id>/", views.withdrawal_page, name="withdrawal"),
    path("cashier/withdrawals/<uuid:withdrawal_id>/cancel/", views.withdrawal_cancel_view, name="withdrawal-cancel"),
    path("cashier/accounts/", accounts.accounts, name="accounts"),
    path("cashier/accounts/new/<str:method>/", accounts.account_new, name="account-new"),
    path("cashier/accounts/<uuid:destination_id>/remove/", accounts.account_remove, name="account-remove"),
    path("cashier/funds/", views.funds_page, name="funds"),
    path("cashier/history/", history.history, name="history"),
    path("cashier/history/export/", history.export, name="history-export"),
]
