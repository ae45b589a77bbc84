from django.urls import path

from . import board, own

urlpatterns = [
    path("strategies/", board.index, name="portal-board"),
    path("strategies/ended/", board.ended, name="portal-ended"),
    path("strategies/mine/", own.index, name="portal-mine"),
    path("strategies/offer/<uuid:account_id>/", own.offer, name="portal-offer"),
    path("strategies/<uuid:strategy_id>/", board.strategy, name="portal-strategy"),
    path("strategies/<uuid:strategy_id>/show/", own.show, name="portal-show"),
    path("strategies/<uuid:strategy_id>/end/", own.end, name="portal-end"),
]
