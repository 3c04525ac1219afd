"""The webhooks of all providers that anymail knows, and the pages behind links in mails."""

from django.urls import include, path

urlpatterns = [path("anymail/", include("anymail.urls"))]
