"""The chat as it was before it had mail."""

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import chat.models


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            "Talk",
            [
                ("id", models.CharField(primary_key=True, max_length=32, default=chat.models.new_id)),
                ("members", models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="talks")),
                ("state", models.CharField(max_length=8, default="open")),
            ],
        ),
        migrations.CreateModel(
            "Message",
            [
                ("id", models.CharField(primary_key=True, max_length=32, default=chat.models.new_id)),
                ("talk", models.ForeignKey("chat.Talk", models.CASCADE, related_name="messages")),
                ("author", models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True)),
                ("text", models.TextField()),
                ("at", models.DateTimeField(default=timezone.now)),
            ],
        ),
        migrations.AddIndex("Message", models.Index(fields=["talk", "at"], name="in_order")),
    ]
