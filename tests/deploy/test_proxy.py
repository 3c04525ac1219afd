"""The proxies let through the routes that there are, under the bounds that the page names, and their programs take them."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path
from typing import Final

import httpx
import pytest

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


def test_both_read_whole_requests_before_they_send_them_on() -> None:
    assert f"request_buffers {BODY // 1_000_000}MB" in CADDY
    assert "proxy_request_buffering on;" in NGINX
    assert "Caddy 2.6.4 or newer" in CADDY


@pytest.fixture
def caddy(tmp_path: Path) -> list[str | Path]:
    """Caddy, and its file for the one that is here: before 2.6.4 two other words said what `request_buffers` says."""
    program = installed("caddy", "caddy")
    text = CADDY
    done = subprocess.run([program, "version"], capture_output=True, check=True, text=True, timeout=60)
    (version,) = re.findall(r"(\d+)\.(\d+)\.(\d+)", done.stdout)[:1]
    if tuple(map(int, version)) < (2, 6, 4):
        text = re.sub(r"request_buffers (\S+)", r"buffer_requests\nmax_buffer_size \1", text)
    (tmp_path / "Caddyfile").write_text(text, encoding="utf-8")
    return [program, "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]


def test_caddy_takes_its_file(caddy: list[str | Path]) -> None:
    program, *options = caddy
    done = subprocess.run([program, "validate", *options], capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def status_at(url: str) -> int:
    """The answer's status, asked for as soon as somebody listens there."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=7)) as client:
        return client.get(url).status_code


PAGES: Final = ("approvals", "unsubscribe", "attachments")


def test_caddy_writes_no_token_down_while_convalias_is_away(caddy: list[str | Path], tmp_path: Path) -> None:
    program, *options = caddy
    site = f"http://127.0.0.1:{free_port()}"
    text = (tmp_path / "Caddyfile").read_text(encoding="utf-8")
    (tmp_path / "Caddyfile").write_text(text.replace("{\n", "{\nadmin off\n", 1), encoding="utf-8")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "CONVALIAS_SITE": site,
        "CONVALIAS_UPSTREAM": f"127.0.0.1:{free_port()}",
    }
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([program, "run", *options], env=environment, stderr=log) as run,
    ):
        try:
            assert {status_at(f"{site}/{page}/SECRET") for page in PAGES} <= {502, 503}
        finally:
            run.terminate()
    told = (tmp_path / "log").read_text(encoding="utf-8")
    assert told.count('"logger":"http.log.error') == told.count('"msg":"handled request"') == len(PAGES)
    assert all(told.count(f"/{page}/…") == 2 for page in PAGES)
    assert "SECRET" not in told


@pytest.fixture
def nginx(tmp_path: Path) -> list[str | Path]:
    """nginx, and its file with all that it writes below a folder of the test."""
    program = installed("nginx", "nginx-light")
    openssl = installed("openssl", "openssl")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail.example", "-days", "1"]
    subprocess.run([openssl, *make, "-keyout", key, "-out", certificate], capture_output=True, check=True, timeout=60)
    ours = NGINX.replace("/etc/ssl/convalias", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    whole = f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{ours}}}\n"
    (tmp_path / "nginx.conf").write_text(whole, encoding="utf-8")
    return [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf"]


def test_nginx_takes_its_file(nginx: list[str | Path]) -> None:
    done = subprocess.run([*nginx, "-t"], capture_output=True, check=False, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_nginx_writes_no_token_down_while_convalias_is_away(nginx: list[str | Path], tmp_path: Path) -> None:
    port, away = free_port(), free_port()
    text = (tmp_path / "nginx.conf").read_text(encoding="utf-8").replace("127.0.0.1:8080", f"127.0.0.1:{away}")
    text = text.replace("listen [::]:443 ssl http2;", "").replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
    text = text.replace("burst=20 nodelay", "nodelay")
    (tmp_path / "nginx.conf").write_text(f"daemon off;\nmaster_process off;\n{text}", encoding="utf-8")
    with subprocess.Popen(nginx, stderr=subprocess.DEVNULL) as run:
        try:
            assert status_at(f"http://127.0.0.1:{port}/events/mailgun") == 502
            pages = [*PAGES, "/approvals", "%61pprovals"]
            assert {status_at(f"http://127.0.0.1:{port}/{page}/SECRET") for page in pages} == {502, 503}
        finally:
            run.terminate()
    accesses = (tmp_path / "convalias.log").read_text(encoding="utf-8")
    assert accesses.count("/... 50") == len(pages)
    errors = (tmp_path / "error.log").read_text(encoding="utf-8")
    assert "GET /events/mailgun" in errors
    assert "SECRET" not in accesses + errors


def test_every_command_of_ours_on_the_page_is_one_that_there_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    lines = re.findall(
        r"^convalias .*$", "".join(re.findall(r"```console\n(.*?)```", page, re.DOTALL)), re.MULTILINE
    ) + re.findall(r"`(convalias [a-z][^`]*)`", page)
    asked = [line.split()[1:] for line in lines]
    assert {command[0] for command in asked} >= {"migrate", "doctor", "keys", "worker", "serve", "lmtp", "show"}
    bare = {("serve",): "missing ['port']", ("lmtp",): ""}
    assert [command for command in asked if refused(command) != bare.get(tuple(command), "")] == []
