from django.urls import path

from . import account_types, accounts, cases, dealing, exposure, health, servers

urlpatterns = [
    path("trading/accounts/", accounts.account_list, name="office-accounts"),
    path("trading/accounts/<uuid:account_id>/", accounts.account, name="office-account"),
    path("trading/accounts/<uuid:account_id>/leverage/", accounts.leverage, name="office-leverage"),
    path("trading/accounts/<uuid:account_id>/transfer/", accounts.transfer, name="office-transfer"),
    path("trading/accounts/<uuid:account_id>/archive/", accounts.archive, name="office-archive"),
    path("trading/clients/<uuid:client_id>/open/", accounts.open_for, name="office-open"),
    path("trading/servers/", servers.server_list, name="office-servers"),
    path("trading/servers/new/", servers.edit, name="office-server-new"),
    path("trading/servers/<uuid:server_id>/", servers.edit, name="office-server"),
    path("trading/servers/<uuid:server_id>/health/", health.index, name="office-server-health"),
    path("trading/servers/<uuid:server_id>/test/", servers.test, name="office-server-test"),
    path("trading/servers/<uuid:server_id>/compare/", servers.compare, name="office-server-compare"),
    path("trading/types/", account_types.index, name="office-types"),
    path("trading/servers/<uuid:server_id>/types/new/", account_types.new, name="office-type-new"),
    path("trading/types/<uuid:type_id>/", account_types.edit, name="office-type"),
    path("trading/dealing/", dealing.index, name="office-dealing"),
    path("trading/exposure/", exposure.index, name="office-exposure"),
    path("trading/exposure/export/", exposure.export, name="office-exposure-export"),
    path("trading/exposure/positions/", exposure.positions, name="office-exposure-positions"),
    path("trading/exposure/positions/export/", exposure.positions_export, name="office-exposure-positions-export"),
    path("trading/cases/", cases.case_list, name="office-cases"),
    path("trading/cases/<uuid:case_id>/", cases.case, name="office-case"),
    path("trading/cases/<uuid:case_id>/take/", cases.take, name="office-case-take"),
    path("trading/cases/<uuid:case_id>/hand-over/", cases.hand_over, name="office-case-hand-over"),
    path("trading/cases/<uuid:case_id>/note/", cases.note, name="office-case-note"),
    path("trading/cases/<uuid:case_id>/resolve/", cases.resolve, name="office-case-resolve"),
    path("trading/cases/<uuid:case_id>/approve/", cases.approve, name="office-case-approve"),
    path("trading/cases/<uuid:case_id>/refuse/", cases.refuse, name="office-case-refuse"),
]
