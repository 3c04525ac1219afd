"""The Dockerfile and the composed deployment: what they name exists, fits together, and is refused where it does not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
import yaml

from convalias.adapters.asgi import ConnectionBounds
from convalias.settings import read_settings
from deploy.files import DEPLOY, EXTRAS, PAGE, PROJECT, dockerfile, extras_of, refused, unknown_variables

CONTAINER: Final = DEPLOY / "container"
IMAGE: Final = dockerfile((CONTAINER / "Dockerfile").read_text(encoding="utf-8"))
LAST: Final = max(one.stage for one in IMAGE)
COMPOSED: Final[Mapping[str, Any]] = yaml.safe_load((CONTAINER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: Final[Mapping[str, Mapping[str, Any]]] = COMPOSED["services"]
OURS: Final = {name: one for name, one in SERVICES.items() if one["image"] == "convalias"}
SETTINGS: Final = (CONTAINER / "convalias.toml").read_text(encoding="utf-8")
LISTENING: Final = {"s3": 7070, "sqs": 9324, "kafka": 9092, "mongodb": 27017, "mail": 1025}
"""Where each server of its image listens."""
TEXTS: Final = {"type": "array", "items": {"type": "string"}}
MANY: Final = {"type": "object", "additionalProperties": {"type": "string"}}
SERVICE: Final = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {"type": "string"},
        "command": TEXTS,
        "entrypoint": TEXTS,
        "environment": MANY,
        "volumes": TEXTS,
        "ports": TEXTS,
        "tmpfs": TEXTS,
        "cap_drop": TEXTS,
        "security_opt": TEXTS,
        "read_only": {"type": "boolean"},
        "stop_grace_period": {"type": "string", "pattern": r"^\d+s$"},
        "restart": {"enum": ["on-failure", "unless-stopped"]},
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "test": TEXTS,
                "interval": {"type": "string", "pattern": r"^\d+s$"},
                "timeout": {"type": "string", "pattern": r"^\d+s$"},
                "retries": {"type": "integer"},
                "disable": {"type": "boolean"},
            },
        },
        "depends_on": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["condition"],
                "additionalProperties": False,
                "properties": {
                    "condition": {"enum": ["service_started", "service_healthy", "service_completed_successfully"]}
                },
            },
        },
    },
}
"""What this file uses of the Compose specification."""
SCHEMA: Final = {
    "type": "object",
    "additionalProperties": False,
    "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object", "additionalProperties": {"type": "null"}},
    },
}


def instructions(name: str, stage: int) -> list[str]:
    return [one.text for one in IMAGE if one.name == name and one.stage == stage]


def test_the_image_runs_as_nobody_on_a_supported_slim_python_and_holds_the_wheel_alone() -> None:
    bases = {one.words[0] for one in IMAGE if one.name == "FROM"}
    (minor,) = {re.fullmatch(r"python:(3\.\d+)-slim", base)[1] for base in bases}  # type: ignore[index]
    assert f'"Programming Language :: Python :: {minor}"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    assert [one.name for one in IMAGE if one.stage == LAST][-2:] == ["ENTRYPOINT", "CMD"]
    assert instructions("USER", LAST) == ["10001:10001"]
    assert "--uid 10001 " in instructions("RUN", LAST)[0]
    assert instructions("COPY", LAST) == ["--from=build /opt/convalias /opt/convalias"]
    assert instructions("STOPSIGNAL", LAST) == ["SIGTERM"]


def test_what_the_image_is_built_from_is_there_and_sent() -> None:
    sources = [word for one in IMAGE if one.name == "COPY" and one.stage < LAST for word in one.words[:-1]]
    sent = [
        line[1:] for line in (CONTAINER / "Dockerfile.dockerignore").read_text("utf-8").splitlines() if line[0] == "!"
    ]
    assert [name for name in sources if not (PROJECT / name).exists()] == []
    assert [name for name in sources if not any(fnmatch(name, one) for one in sent)] == []
    # hatchling reads these of the project.
    assert {"pyproject.toml", "README.md", "LICENSE", "src"} <= {*sources}


def test_the_image_and_the_page_install_the_same_extras_which_there_are() -> None:
    (installing,) = [text for text in instructions("RUN", 0) if "pip install" in text and ".whl)[" in text]
    extras = extras_of(shlex.split(installing)[-1])
    assert extras <= EXTRAS.keys()
    (line,) = re.findall(r"^/opt/convalias-\$VERSION/bin/pip install (.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert extras_of(shlex.split(line)[0].removesuffix("==$VERSION")) == extras
    # Each engine, door and sender that the settings of both folders name, and what proves senders.
    assert extras >= {"asgi", "cli", "dns", "mime", "s3", "sqs", "mongo", "kafka", "smtp", "mailgun"}


def test_the_image_takes_the_wheel_that_it_made_and_asks_no_index_for_another() -> None:
    (installing,) = [text for text in instructions("RUN", 0) if "pip install" in text and ".whl)[" in text]
    wanted = [word for word in shlex.split(installing)[-3:] if "[" in word]
    assert [word.partition("[")[0] for word in wanted] == ["$(echo /dist/*.whl)"]
    assert "links" not in installing


def test_an_image_of_ones_own_is_installed_by_root_and_runs_as_nobody() -> None:
    told = re.findall(r"^#   (.*)$", (CONTAINER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    ours = dockerfile("\n".join(told))
    assert [one.name for one in ours] == ["FROM", "USER", "COPY", "RUN", "USER", "ENV"]
    assert [one.text for one in ours if one.name == "USER"] == ["0", *instructions("USER", LAST)]
    assert ours[3].text.startswith("/opt/convalias/bin/pip install ")
    assert unknown_variables([ours[-1].text.partition("=")[0]]) == []


def test_the_pins_of_the_image_are_the_versions_of_the_lock(tmp_path: Path) -> None:
    (line,) = [text for text in instructions("RUN", 0) if "pins.txt" in text and text.startswith("sed ")]
    (tmp_path / "dist").mkdir()
    done = subprocess.run(["/bin/sh", "-ec", line.replace("/dist/", f"{tmp_path}/dist/")], cwd=PROJECT, check=False)
    assert done.returncode == 0
    pins = (tmp_path / "dist" / "pins.txt").read_text(encoding="utf-8").splitlines()
    locked = re.findall(r"^\S+==\S+(?: ; .*?)? \\$", (PROJECT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert len(pins) == len(locked) > 50
    assert [one for one in pins if "[" in one.partition(";")[0] or one.endswith("\\")] == []
    assert any(one.startswith("pymongo==") for one in pins)


def test_the_image_starts_a_command_that_there_is_and_asks_its_own_port_for_readiness() -> None:
    (entry,), (command,) = ([one for one in IMAGE if one.name == name] for name in ("ENTRYPOINT", "CMD"))
    assert entry.words == ["convalias"]
    assert refused(command.words) == ""
    port = command.words[command.words.index("--port") + 1]
    assert instructions("EXPOSE", LAST) == [port]
    (check,) = instructions("HEALTHCHECK", LAST)
    assert f"http://127.0.0.1:{port}/readyz" in check
    variables = re.findall(r"(\w+)=", instructions("ENV", LAST)[0])
    assert unknown_variables(variables) == []


@pytest.mark.slow
def test_the_health_check_passes_while_the_receiver_is_ready_and_fails_when_it_is_gone(tmp_path: Path) -> None:
    (check,) = instructions("HEALTHCHECK", LAST)
    asked = {"PATH": os.environ["PATH"], "CONVALIAS_DATA": str(tmp_path), "CONVALIAS_MAILGUN_SIGNING_KEY": "x"}
    serve = [sys.executable, "-m", "convalias", "serve", "--port", "0"]
    with subprocess.Popen(serve, env=asked, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            assert receiver.stdout
            (port,) = re.findall(r":(\d+)", receiver.stdout.readline())
            command = check.partition(" CMD ")[2].replace("127.0.0.1:8080", f"127.0.0.1:{port}")
            program, *rest = dockerfile(f"FROM x\nCMD {command}")[1].words
            assert program == "python"
            assert subprocess.run([sys.executable, *rest], check=False, timeout=30).returncode == 0
        finally:
            receiver.terminate()
    gone = subprocess.run([sys.executable, *rest], check=False, capture_output=True, timeout=30)
    assert gone.returncode != 0


def test_the_composed_file_says_nothing_that_compose_does_not_know() -> None:
    jsonschema.validate(COMPOSED, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**COMPOSED, "services": {"web": {"image": "x", "deponds_on": {}}}}, SCHEMA)


def test_services_wait_for_services_that_can_become_what_they_wait_for() -> None:
    for name, one in SERVICES.items():
        for other, how in one.get("depends_on", {}).items():
            target = SERVICES[other]
            checked = "test" in target.get("healthcheck", {}) or (
                target["image"] == "convalias" and "healthcheck" not in target
            )
            assert how["condition"] != "service_healthy" or checked, (name, other)
            ends = target.get("restart") != "unless-stopped"
            assert how["condition"] != "service_completed_successfully" or ends, (name, other)


def test_every_image_has_a_version_and_every_volume_and_mounted_file_is_there() -> None:
    assert [one["image"] for one in SERVICES.values() if ":" not in one["image"] and one["image"] != "convalias"] == []
    mounted = [volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", [])]
    assert {name for name in mounted if "/" not in name} == {*COMPOSED["volumes"]}
    assert [name for name in mounted if "/" in name and not (CONTAINER / name).is_file()] == []
    assert {port.split(":")[0] for one in SERVICES.values() for port in one.get("ports", [])} == {"127.0.0.1"}


def test_there_is_one_of_each_process_and_each_starts_a_command_that_there_is() -> None:
    commands = {name: one.get("command", ["serve"]) for name, one in OURS.items()}
    assert {tuple(command) for command in commands.values()} == {
        ("migrate",),
        ("serve",),
        ("worker", "inbound"),
        ("worker", "feed"),
        ("worker", "outbound"),
    }
    assert [name for name, command in commands.items() if command != ["serve"] and refused(command)] == []
    assert {one["stop_grace_period"] for one in OURS.values()} == {"60s"}
    assert {name for name, one in OURS.items() if "healthcheck" not in one} == {"web"}
    assert all(unknown_variables([*one["environment"]]) == [] for one in OURS.values())


def test_the_settings_name_servers_of_the_file_where_they_listen_and_what_is_made_there() -> None:
    urls = dict(re.findall(r'^(raw|queue|events|store|mail) = "(.*)"$', SETTINGS, re.MULTILINE))
    servers = [parse_qs(urlsplit(url).query).get("endpoint", [url])[0] for url in urls.values()]
    assert len(servers) == len(LISTENING)
    assert {(urlsplit(one).hostname, urlsplit(one).port) for one in servers} == {*LISTENING.items()}
    assert LISTENING.keys() <= SERVICES.keys()
    made = {name: " ".join(SERVICES[name]["command"]) for name in ("bucket", "queue", "topic")}
    assert f"create-bucket --bucket {urlsplit(urls['raw']).hostname}" in made["bucket"]
    assert f"--queue-name {urlsplit(urls['queue']).path[1:]} " in made["queue"]
    assert f"--topic {urlsplit(urls['events']).path[1:]} " in made["topic"]
    assert all(f"http://{name}:{LISTENING[name]}" in made[job] for name, job in (("s3", "bucket"), ("sqs", "queue")))
    assert f"kafka:{LISTENING['kafka']}" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    keys = {
        name: one["environment"] for name, one in SERVICES.items() if "AWS_ACCESS_KEY_ID" in one.get("environment", {})
    }
    assert {one["AWS_ACCESS_KEY_ID"] for one in keys.values()} == {SERVICES["s3"]["environment"]["ROOT_ACCESS_KEY"]}
    assert {one["AWS_SECRET_ACCESS_KEY"] for one in keys.values()} == {SERVICES["s3"]["environment"]["ROOT_SECRET_KEY"]}


@pytest.mark.slow
def test_the_first_lines_make_a_key_that_the_settings_take(tmp_path: Path) -> None:
    lines = (CONTAINER / "compose.yaml").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if "CONVALIAS_KEYS=$(" in line]
    assert "--entrypoint convalias convalias keys new)" in line
    asked = {"PATH": os.environ["PATH"], "CONVALIAS_DATA": str(tmp_path / "data")}
    command = [sys.executable, "-m", "convalias", "keys", "new"]
    done = subprocess.run(command, env=asked, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    (key,) = done.stdout.splitlines()
    mails = {"CONVALIAS_MAILGUN_SIGNING_KEY": "x", "CONVALIAS_KEYS": key}
    for folder in (CONTAINER, DEPLOY / "systemd"):
        settings = read_settings(folder / "convalias.toml", environ=mails)
        assert settings.keyring is not None
        assert settings.authentication is not None
        bounds = ConnectionBounds(total=settings.http.connections, by_client=settings.http.connections_by_client)
        # What the proxy is given is what it gets, as far as a process may open files, and leaves others a place.
        assert bounds.fitting(4096).by_client == bounds.by_client == bounds.total // 2
