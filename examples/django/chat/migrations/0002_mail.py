"""What mail needs. Messages that are there already count as told: a first start mails nothing of the past."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_chat")]
    operations = [
        migrations.AddField("Message", "mail_key", models.CharField(max_length=42, null=True, editable=False)),
        migrations.AddConstraint("Message", models.UniqueConstraint(fields=["talk", "mail_key"], name="mail_keys")),
        migrations.AddField("Message", "told", models.BooleanField(default=True, db_index=True, editable=False)),
        migrations.AlterField("Message", "told", models.BooleanField(default=False, db_index=True, editable=False)),
    ]
