from django.urls import path

from . import bank, exports, inbox, providers

urlpatterns = [
    path("payments/", inbox.withdrawals, name="inbox"),
    path("payments/deposits/", inbox.deposits, name="deposits"),
    path("payments/deposits/export/", exports.deposits, name="deposits-export"),
    path("payments/withdrawals/export/", exports.withdrawals, name="withdrawals-export"),
    path("payments/deposits/<uuid:deposit_id>/", inbox.deposit, name="deposit"),
    path("payments/deposits/<uuid:deposit_id>/ask/", inbox.deposit_ask_view, name="deposit-ask"),
    path("payments/deposits/<uuid:deposit_id>/close/", inbox.deposit_close_view, name="deposit-close"),
    path("payments/withdrawals/<uuid:withdrawal_id>/", inbox.withdrawal, name="withdrawal"),
    path("payments/withdrawals/<uuid:withdrawal_id>/check/", inbox.check, name="withdrawal-check"),
    path("payments/withdrawals/<uuid:withdrawal_id>/approve/", inbox.approve, name="withdrawal-approve"),
    path("payments/withdrawals/<uuid:withdrawal_id>/reject/", inbox.reject, name="withdrawal-reject"),
    path("payments/withdrawals/<uuid:withdrawal_id>/next/", inbox.next_one, name="withdrawal-next"),
    path("payments/parts/<uuid:part_id>/sent/", inbox.part_sent, name="part-sent"),
    path("payments/providers/", providers.index, name="providers"),
    path("payments/providers/new/<str:kind>/", providers.new, name="provider-new"),
    path("payments/providers/<uuid:account_id>/", providers.edit, name="provider"),
    path("payments/providers/<uuid:account_id>/test/", providers.test, name="provider-test"),
    path("payments/providers/<uuid:account_id>/webhook/", providers.webhook, name="provider-webhook"),
    path("payments/providers/<uuid:account_id>/rules/", providers.rule, name="rule-new"),
    path("payments/rules/<uuid:rule_id>/", providers.rule_edit, name="rule"),
    path("payments/bank/", bank.index, name="bank"),
    path("payments/bank/upload/", bank.upload, name="bank-upload"),
    path("payments/bank/<uuid:statement_id>/", bank.statement, name="bank-statement"),
    path("payments/bank/lines/<uuid:line_id>/propose/", bank.propose, name="line-propose"),
    path("payments/bank/lines/<uuid:line_id>/ignore/", bank.ignore, name="line-ignore"),
    path("payments/bank/lines/<uuid:line_id>/approve/", bank.approve, name="line-approve"),
    path("payments/bank/lines/<uuid:line_id>/back/", bank.back, name="line-back"),
]
