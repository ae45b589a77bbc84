"""Addresses of bonuses in the office."""

from django.urls import path

from . import grants, rules, schemes

urlpatterns = [
    path("bonuses/", grants.index, name="grants"),
    path("bonuses/grants/<uuid:grant_id>/", grants.grant, name="grant"),
    path("bonuses/grants/<uuid:grant_id>/cancel/", grants.cancel, name="grant-cancel"),
    path("bonuses/grants/<uuid:grant_id>/again/", grants.again, name="grant-again"),
    path("bonuses/grants/<uuid:grant_id>/cancel/approve/", grants.cancel_agree, name="cancel-approve"),
    path("bonuses/grants/<uuid:grant_id>/cancel/refuse/", grants.cancel_drop, name="cancel-refuse"),
    path("bonuses/schemes/", schemes.index, name="schemes"),
    path("bonuses/schemes/new/", schemes.new, name="scheme-new"),
    path("bonuses/schemes/<uuid:version_id>/", schemes.scheme, name="scheme"),
    path("bonuses/schemes/<uuid:version_id>/change/", schemes.change, name="scheme-change"),
    path("bonuses/schemes/<uuid:version_id>/approve/", schemes.approve, name="scheme-approve"),
    path("bonuses/schemes/<uuid:version_id>/refuse/", schemes.refuse, name="scheme-refuse"),
    path("bonuses/rules/", rules.index, name="rules"),
    path("bonuses/rules/<uuid:choice_id>/approve/", rules.approve, name="rules-approve"),
    path("bonuses/rules/<uuid:choice_id>/refuse/", rules.refuse, name="rules-refuse"),
]
