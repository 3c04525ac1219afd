"""The proxies let through the routes that there are, under the bounds that the page names, and their programs take them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from convalias.settings import Settings
from deploy.files import DEPLOY, PAGE, refused
from system.programs import installed

CADDY: Final = (DEPLOY / "proxy" / "Caddyfile").read_text(encoding="utf-8")
NGINX: Final = (DEPLOY / "proxy" / "nginx.conf").read_text(encoding="utf-8")
PUBLIC: Final = {
    "/inbound/mailgun",
    "/inbound/mailgun/mime",
    "/events/mailgun",
    "/approvals/",
    "/unsubscribe/",
    "/attachments/",
}
BODY: Final = 4 * Settings().mail_limit


def test_both_let_through_what_the_settings_page_names_and_nothing_else() -> None:
    page = (DEPLOY.parent / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    told = re.findall(r"let it pass (.*?) alone", page, re.DOTALL)[0]
    assert set(re.findall(r"`([^`]+)`", told)) == PUBLIC
    row = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| paths |"))
    assert {name for name in re.findall(r"`(/[^`]+)`", row) if not name.endswith("z")} == PUBLIC

    assert {path.removesuffix("*") for path in re.findall(r"@public path (.*)", CADDY)[0].split()} == PUBLIC
    exact = set(re.findall(r"location = (\S+) \{ proxy_pass", NGINX))
    (names,) = re.findall(r"location ~ \^/\(([a-z|]+)\)/ \{", NGINX)
    assert exact | {f"/{name}/" for name in names.split("|")} == PUBLIC
    assert "location / { return 404; }" in NGINX
    assert re.search(r"handle \{\s+respond 404", CADDY)


def test_both_bound_a_body_by_four_times_the_limit_of_a_mail() -> None:
    assert BODY == 100_000_000
    assert f"max_size {BODY // 1_000_000}MB" in CADDY
    assert f"client_max_body_size {BODY // 1_000_000}m;" in NGINX
    assert f"| body | {BODY // 1_000_000} MB |" in PAGE.read_text(encoding="utf-8")


def test_both_wait_for_an_answer_as_long_as_the_page_says_and_write_no_token_down() -> None:
    assert "| answer | 60 seconds |" in PAGE.read_text(encoding="utf-8")
    assert "response_header_timeout 60s" in CADDY
    assert "proxy_read_timeout 60s;" in NGINX
    hidden = "approvals|unsubscribe|attachments"
    assert CADDY.count(hidden) == 1
    assert NGINX.count(hidden) == 2
    assert "$request_uri" not in NGINX.partition("log_format")[2]


def test_caddy_takes_its_file() -> None:
    program = installed("caddy", "caddy")
    command = [program, "validate", "--adapter", "caddyfile", "--config", DEPLOY / "proxy" / "Caddyfile"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    program = installed("nginx", "nginx-light")
    openssl = installed("openssl", "openssl")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail.example", "-days", "1"]
    subprocess.run([openssl, *make, "-keyout", key, "-out", certificate], capture_output=True, check=True, timeout=60)
    ours = NGINX.replace("/etc/ssl/convalias", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    whole = f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{ours}}}\n"
    (tmp_path / "nginx.conf").write_text(whole, encoding="utf-8")
    command = [program, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_every_command_of_ours_on_the_page_is_one_that_there_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    lines = re.findall(
        r"^convalias .*$", "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL)), re.MULTILINE
    ) + re.findall(r"`(convalias [a-z][^`]*)`", page)
    asked = [line.split()[1:] for line in lines]
    assert {command[0] for command in asked} >= {"migrate", "doctor", "keys", "worker", "serve", "lmtp", "show"}
    bare = {("serve",): "missing ['port']", ("lmtp",): ""}
    assert [command for command in asked if refused(command) != bare.get(tuple(command), "")] == []
