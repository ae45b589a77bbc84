"""Menu entries."""

from django.utils.translation import pgettext_lazy

from kernel.navigation import register
from tenant_apps.trading.case_selectors import cases_unresolved
from tenant_apps.trading.permissions_list import BULK_VIEW, CASES_VIEW, DEALING, SERVERS_VIEW, VIEW

register("office", section="trading", key="trading-accounts", label=pgettext_lazy("navigation", "Trading accounts"),
         icon="chart-candlestick", url="trading:office-accounts", permission=VIEW, order=10)  # fmt: skip
register("office", section="trading", key="trading-dealing", label=pgettext_lazy("navigation", "Dealing"),
         icon="activity", url="trading:office-dealing", permission=DEALING, order=12)  # fmt: skip
register("office", section="trading", key="trading-exposure", label=pgettext_lazy("navigation", "Exposure"),
         icon="scale", url="trading:office-exposure", permission=DEALING, order=14)  # fmt: skip
register("office", section="trading", key="trading-bulk", label=pgettext_lazy("navigation", "Bulk changes"),
         icon="list-checks", url="trading:office-bulks", permission=BULK_VIEW, order=15)  # fmt: skip
register("office", section="trading", key="trading-cases", label=pgettext_lazy("navigation", "Trading cases"),
         icon="circle-alert", url="trading:office-cases", permission=CASES_VIEW, order=20, badge=cases_unresolved)  # fmt: skip
register("office", section="trading", key="trading-servers", label=pgettext_lazy("navigation", "Trading servers"),
         icon="server", url="trading:office-servers", permission=SERVERS_VIEW, order=30)  # fmt: skip
register("office", section="settings", key="trading-types", label=pgettext_lazy("navigation", "Account types"),
         icon="layers", url="trading:office-types", permission=SERVERS_VIEW, order=43)  # fmt: skip
register("portal", section="trading", key="trading-accounts", label=pgettext_lazy("navigation", "Trading"),
         icon="chart-candlestick", url="trading:portal-accounts", order=20, mobile=True)  # fmt: skip
