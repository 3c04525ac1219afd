"""One deployment without `await` in many processes: forks, servers and workers that fork, and how a process ends."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from convalias.app import MessageAdded
from convalias.blocking import Convalias

pytestmark = pytest.mark.slow
WITHIN = 25.0

OPEN = """
import os, sys, threading
from convalias import Participant
from convalias.blocking import Convalias

cv = Convalias.from_toml(data=os.environ["DATA"], environ={})

def post(text):
    cv.messaging.create("hiring", [Participant.of("ann")], conversation="c1")
    return cv.messaging.send("c1", text, author="ann", key=text).seq
"""

REMOVED_LOG = f"""{OPEN}
post("before")
ended, goes_on = os.pipe()
child = os.fork()
if child == 0:
    os.close(goes_on)
    post("child")
    os.read(ended, 1)  # the parent has closed: the last, if the child's connections take no lock of their own
    post("child, later")
    os.kill(os.getpid(), 9)
post("parent")
while len(cv.messaging.events("c1", limit=1000)) < 4:
    pass  # the child is open
cv.close()
os.close(ended), os.close(goes_on)
os.waitpid(child, 0)
"""

BUSY = f"""{OPEN}
import itertools, signal
done = threading.Event()

def busy(number):
    for count in itertools.count():
        if done.is_set():
            return
        post(f"parent {{number}} {{count}}")

threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
for one in threads:
    one.start()
codes = []
for number in range(5):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        post(f"child {{number}}")
        sys.exit(0)
    codes.append(os.waitpid(child, 0)[1])
done.set()
for one in threads:
    one.join()
print(codes)
"""

NOT_CLOSED = f"""{OPEN}
post("said")
at_work = threading.Event()
def work():
    with cv.running("feed"):
        at_work.set()
        threading.Event().wait()
threading.Thread(target=work, daemon=True).start()
at_work.wait()
threading.Thread(target=cv.run, args=("feed",), daemon=True).start()
"""

WEB = f"""{OPEN}
post("in the master")

def app(environ, start):
    text = environ["PATH_INFO"][1:]
    if text == "slow":
        open(os.environ["DATA"] + "/began", "w").close()
        import time
        for number in range(20):
            post(f"slow {{number}}")
            time.sleep(0.02)
    post(text)
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

DOORS = f"""{OPEN}
from convalias.app import Providers

cv.check_keys()  # used before the fork
app = cv.wsgi(Providers(inbound={{"mailgun": "key"}}))
"""

TASKS = f"""{OPEN}
import celery
from celery.signals import worker_ready

folder = os.environ["DATA"] + "-broker"
app = celery.Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={{"data_folder_in": folder, "data_folder_out": folder, "control_folder": folder, "polling_interval": 0.05}},
    task_ignore_result=True,
)
post("in the parent")

@app.task(name="post")
def posted(text):
    post(text)

@worker_ready.connect
def begin(**_):
    for number in range(12):
        posted.delay(f"task {{number}}")
"""


def environment(data: Path) -> dict[str, str]:
    return {**os.environ, "DATA": str(data), "PYTHONPATH": str(data.parent), "PYTHONWARNINGS": "ignore"}


def texts(data: Path) -> list[str]:
    with Convalias.from_toml(data=data, environ={}) as cv:
        found = cv.messaging.events("c1", limit=1000)
    return [one.happening.text for one in found if isinstance(one.happening, MessageAdded)]


def ran(program: str, data: Path) -> str:
    """What the program printed. It ends by itself, within the bound, and shows no traceback."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
        env=environment(data),
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    return done.stdout


@contextmanager
def started(command: list[str], data: Path, *, keep: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    log = (data.parent / "log").open("ab")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=log,
            stderr=log,
            env=environment(data),
            cwd=data.parent,
            pass_fds=() if keep is None else (keep,),
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def test_what_a_child_posts_stays_when_its_parent_has_closed(tmp_path: Path) -> None:
    """SQLite keeps in each process what locks it has on a file; a child that inherits that takes none of its own."""
    ran(REMOVED_LOG, tmp_path)
    assert sorted(texts(tmp_path)) == ["before", "child", "child, later", "parent"]


def test_forks_under_load_give_children_that_work(tmp_path: Path) -> None:
    assert ran(BUSY, tmp_path).strip() == str([0] * 5)
    found = texts(tmp_path)
    assert {f"child {number}" for number in range(5)} <= {*found}
    assert len(found) == len({*found})


def test_a_process_ends_though_nothing_was_closed(tmp_path: Path) -> None:
    ran(NOT_CLOSED, tmp_path)
    assert texts(tmp_path) == ["said"]


def asked(address: tuple[str, int], text: str) -> str:
    connection = http.client.HTTPConnection(*address, timeout=WITHIN)
    try:
        connection.request("GET", f"/{quote(text)}")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_workers_of_gunicorn_that_were_forked_from_a_used_one_work_and_replace_one_another(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "web.py").write_text(WEB)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        listening.set_inheritable(True)
        address, number = listening.getsockname(), listening.fileno()
        command = f"gunicorn --preload --no-control-socket --workers 2 --worker-class sync --bind fd://{number} --graceful-timeout 20 web:app"
        with started(command.split(), data, keep=number) as master:
            pids = {asked(address, f"mail {count}") for count in range(20)}
            os.kill(int(min(pids)), signal.SIGKILL)
            pids |= {asked_again(address, f"later {count}") for count in range(20)}
            connection = http.client.HTTPConnection(*address, timeout=WITHIN)
            connection.request("GET", "/slow")
            until = time.monotonic() + WITHIN
            while not (data / "began").exists() and time.monotonic() < until:
                time.sleep(0.01)
            master.send_signal(signal.SIGTERM)
            assert connection.getresponse().status == 200
            connection.close()
            assert master.wait(WITHIN) == 0
    assert str(master.pid) not in pids
    expected = ["in the master", "slow", *(f"slow {count}" for count in range(20))]
    expected += [f"{word} {count}" for word in ("mail", "later") for count in range(20)]
    assert sorted(texts(data)) == sorted(expected)


def test_workers_of_gunicorn_take_mail_in_however_its_length_is_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "web.py").write_text(DOORS)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        listening.set_inheritable(True)
        address, number = listening.getsockname(), listening.fileno()
        command = f"gunicorn --preload --no-control-socket --workers 2 --bind fd://{number} web:app"
        with started(command.split(), data, keep=number) as master:
            told = [posted(address, count, in_chunks=count % 2 == 1) for count in (0, 1, 2, 3, 0, 1)]
            forged = posted(address, 4, in_chunks=True, key="another")
            master.send_signal(signal.SIGTERM)
            assert master.wait(WITHIN) == 0
    assert told == [(200, "kept\n")] * 6
    assert forged[0] == 401
    with Convalias.from_toml(data=data, environ={}) as cv:
        assert cv.operations.waiting() == 4


def posted(address: tuple[str, int], number: int, *, in_chunks: bool, key: str = "key") -> tuple[int, str]:
    """Post a mail as Mailgun does: with its length, or in chunks. The answer."""
    at, token = str(int(time.time())), f"token {number}"
    mail = f"From: a@home.example\nMessage-ID: <{number}@home.example>\n\n{'long ' * 40_000}\n"
    signature = hmac.new(key.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
    post = {"recipient": "b@reply.example", "sender": "a@home.example", "body-mime": mail}
    body = urlencode({"timestamp": at, "token": token, "signature": signature, **post}).encode()
    connection = http.client.HTTPConnection(*address, timeout=WITHIN)
    try:
        parts = (body[start : start + 10_000] for start in range(0, len(body), 10_000))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Transfer-Encoding": "chunked"} if in_chunks else {}
        connection.request(
            "POST", "/inbound/mailgun/mime", parts if in_chunks else body, headers, encode_chunked=in_chunks
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def asked_again(address: tuple[str, int], text: str) -> str:
    """Ask again if the worker that was killed had taken the connection: the key makes one message of both."""
    for _ in range(5):
        try:
            return asked(address, text)
        except (ConnectionError, http.client.HTTPException):
            continue
    return asked(address, text)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_tasks_of_celery_post_from_all_workers_over_one_directory(pool: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "data-broker").mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    expected = sorted(["in the parent", *(f"task {number}" for number in range(12))])
    command = f"celery --app tasks worker --pool {pool} --concurrency 3 --loglevel warning --without-mingle"
    with started([*command.split(), "--without-gossip", "--without-heartbeat"], data) as worker:
        until = time.monotonic() + WITHIN
        with Convalias.from_toml(data=data, environ={}) as cv:
            while len(cv.messaging.events("c1", limit=1000)) <= len(expected) and time.monotonic() < until:
                time.sleep(0.1)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(WITHIN) == 0
    assert sorted(texts(data)) == expected
