from django.urls import path

from . import account_types, accounts, servers

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
    path("trading/servers/<uuid:server_id>/test/", servers.test, name="office-server-test"),
    path("trading/servers/<uuid:server_id>/compare/", servers.compare, name="office-server-compare"),
    path("trading/types/", account_types.index, name="office-types"),
    path("trading/servers/<uuid:server_id>/types/new/", account_types.new, name="office-type-new"),
    path("trading/types/<uuid:type_id>/", account_types.edit, name="office-type"),
    path("trading/cases/", servers.case_list, name="office-cases"),
    path("trading/cases/<uuid:case_id>/", servers.case, name="office-case"),
]
