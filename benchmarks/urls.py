"""One address: a view that asks the database five times."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from kernel.guards import open_to_all
from kernel.models import Job

QUERIES = 5


@open_to_all("measured")
def view(request: HttpRequest) -> HttpResponse:
    manager = Job.objects.using(request.META["BENCH_ALIAS"])
    return HttpResponse(str(sum(manager.filter(kind="none").count() for _ in range(QUERIES))))


urlpatterns = [path("bench/", view)]
