from django.urls import path

from . import adjustments, rates, transfers, views

urlpatterns = [
    path("wallets/rates/", rates.index, name="rates"),
    path("wallets/rates/history/", rates.history, name="rate-history"),
    path("wallets/rates/propose/", rates.propose, name="rate-propose"),
    path("wallets/rates/rules/", rates.rules, name="exchange-rules"),
    path("wallets/rates/refresh/", rates.refresh, name="rates-refresh"),
    path("wallets/rates/markups/", rates.markup, name="markup"),
    path("wallets/rates/markups/<uuid:markup_id>/remove/", rates.markup_remove_view, name="markup-remove"),
    path("wallets/rates/<uuid:rate_id>/approve/", rates.approve, name="rate-approve"),
    path("wallets/rates/<uuid:rate_id>/reject/", rates.reject, name="rate-reject"),
    path("wallets/transfers/", transfers.index, name="client-transfers"),
    path("wallets/transfers/switch/", transfers.switch, name="transfers-switch"),
    path("wallets/transfers/rules/", transfers.rules, name="transfer-rules"),
    path("wallets/transfers/rules/<uuid:policy_id>/remove/", transfers.rules_remove, name="transfer-rules-remove"),
    path("wallets/transfers/<uuid:client_transfer_id>/", transfers.transfer, name="client-transfer"),
    path("wallets/transfers/<uuid:client_transfer_id>/approve/", transfers.approve, name="client-transfer-approve"),
    path("wallets/transfers/<uuid:client_transfer_id>/reject/", transfers.reject, name="client-transfer-reject"),
    path("wallets/adjustments/", adjustments.index, name="adjustments"),
    path("wallets/adjustments/new/<uuid:client_id>/", adjustments.propose, name="adjustment-new"),
    path("wallets/adjustments/<uuid:adjustment_id>/", adjustments.adjustment, name="adjustment"),
    path("wallets/adjustments/<uuid:adjustment_id>/approve/", adjustments.approve, name="adjustment-approve"),
    path("wallets/adjustments/<uuid:adjustment_id>/refuse/", adjustments.refuse, name="adjustment-refuse"),
    path("wallets/<uuid:client_id>/<str:currency>/", views.statement, name="statement"),
]
