"""Every folder of `examples/` is a small project that a person starts with two commands, over what users install."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engines.fixtures import AwsServer, KafkaServer, of_a_broker
from examples.projects import EXAMPLES, PROJECTS, Project, Ran, commands, database, not_there, programs, ran
from setup.clean import CHECKOUT, locked
from test_public_modules import private

UNTYPED = [
    "--disable-error-code=import-untyped",
    "--allow-subclassing-any",
    "--allow-untyped-decorators",
    "--no-warn-return-any",
]
"""What mypy must overlook where a framework publishes no types."""
AT_ONCE = 4
"""Projects whose tests run side by side."""

each = pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)


def on(engine: str) -> Sequence[Project]:
    return [project for project in PROJECTS if engine in project.engines]


def of(engine: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("project", on(engine), ids=lambda project: project.name)


# --- what every folder has ---------------------------------------------------------------------------


def test_every_folder_of_examples_is_in_the_table_and_listed() -> None:
    there = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and path.name != "__pycache__")
    assert there == [project.name for project in PROJECTS]
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in there if f"]({name}/README.md)" not in page] == []


@each
def test_a_readme_begins_with_two_commands_that_name_what_is_there(project: Project) -> None:
    lines = commands(project.readme)
    assert len(lines) == 2
    assert lines[0].startswith("pip install -r requirements.txt")
    assert [not_there(words, project.folder) for line in lines for words in programs(line)] == [
        [] for line in lines for _ in programs(line)
    ]


@each
def test_the_lock_satisfies_what_a_project_requires(project: Project) -> None:
    versions = locked(CHECKOUT, Path(sys.executable))
    required = [Requirement(line) for line in project.requirements]
    assert [str(one) for one in required if not one.specifier.contains(versions.get(_name(one), "0"))] == []


def _name(requirement: Requirement) -> str:
    return canonicalize_name(requirement.name)


@each
def test_a_project_imports_what_it_requires_and_of_ours_what_is_public(project: Project) -> None:
    names = {"pytest", *(_name(Requirement(line)) for line in project.requirements)}
    own = {Path(path).parts[0].removesuffix(".py") for path in project.modules}
    imported = {package for text in project.modules.values() for package in packages(text)}
    others = imported - own - set(sys.stdlib_module_names) - {"convalias"}
    from_where = packages_distributions()
    strange = {one for one in others if not {canonicalize_name(name) for name in from_where.get(one, [])} & names}
    assert strange == set()
    assert [name for text in project.modules.values() for name in private(text)] == []


def packages(text: str) -> Iterator[str]:
    """The first part of every absolute import."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case _:
                pass


@each
def test_each_module_of_a_project_says_what_it_is_for(project: Project) -> None:
    assert [path for path, text in project.modules.items() if text and not ast.get_docstring(ast.parse(text))] == []


@pytest.mark.slow
@each
def test_a_project_passes_mypy_as_our_own_code_does(project: Project) -> None:
    less = UNTYPED if project.is_untyped else []
    command = [str(Path(sys.executable).with_name("mypy")), "--no-error-summary", *less, str(project.folder)]
    paths = {"MYPYPATH": str(project.folder)}
    done = subprocess.run(command, capture_output=True, check=False, cwd=CHECKOUT, env=os.environ | paths, text=True)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


# --- its tests ---------------------------------------------------------------------------------------


def passed(done: Ran, *, may_skip: bool = False) -> None:
    """Some test passed and none failed."""
    assert done.status == 0, done.said
    assert done.counts.get("passed"), done.said
    assert may_skip or not done.counts.get("skipped"), done.said


@pytest.fixture(scope="module")
def under_way(
    request: pytest.FixtureRequest, site: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Ran]]]:
    """Runs of all projects that this session asks for, by name. They mostly wait, so some run side by side."""
    copies = tmp_path_factory.mktemp("projects")
    callspecs = [getattr(item, "callspec", None) for item in request.session.items if "under_way" in fixtures(item)]
    asked: list[Project] = [one.params["project"] for one in callspecs if one is not None]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {one.name: pool.submit(ran, one.folder, copies / one.name, site, {}) for one in asked}


def fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


@pytest.mark.slow
@pytest.mark.xdist_group("examples")
@each
def test_the_tests_of_a_project_pass_over_the_wheel(project: Project, under_way: Mapping[str, Future[Ran]]) -> None:
    passed(under_way[project.name].result(), may_skip=project.may_skip)


@of("postgresql")
def test_the_tests_of_a_project_pass_on_postgresql(
    project: Project, site: Path, postgresql: str, tmp_path: Path
) -> None:
    with database(postgresql, f"example_{uuid.uuid4().hex}") as url:
        passed(ran(project.folder, tmp_path / project.name, site, {"postgresql": url}))


@of_a_broker  # each makes its topic, which the mock does not answer
@of("kafka")
def test_the_tests_of_a_project_pass_on_kafka(project: Project, site: Path, kafka: KafkaServer, tmp_path: Path) -> None:
    passed(ran(project.folder, tmp_path / project.name, site, {"kafka": kafka.bootstrap}))


@of("sqs")
def test_the_tests_of_a_project_pass_on_sqs(project: Project, site: Path, sqs: AwsServer, tmp_path: Path) -> None:
    passed(ran(project.folder, tmp_path / project.name, site, {"sqs": sqs.url}))


def test_every_engine_of_the_table_is_tried() -> None:
    assert {engine for project in PROJECTS for engine in project.engines} <= {"postgresql", "kafka", "sqs"}


# --- that these tests can fail -----------------------------------------------------------------------

HAS_TEST = "import os, convalias\ndef test_one():\n    assert {}\n"


def written(folder: Path, assertion: str) -> Path:
    folder.mkdir()
    (folder / "test_one.py").write_text(HAS_TEST.format(assertion), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_a_project_is_run_over_the_wheel_with_the_address_of_its_server(site: Path, tmp_path: Path) -> None:
    assertion = f"convalias.__file__.startswith({str(site)!r}) and os.environ['TEST_KAFKA'] == 'k:1'"
    done = ran(written(tmp_path / "one", assertion), tmp_path / "copy", site, {"kafka": "k:1"})
    assert (done.status, done.counts["passed"]) == (0, 1), done.said


@pytest.mark.slow
def test_a_project_that_imports_another_convalias_is_told(site: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "installed_wheel.py").write_text((site / "installed_wheel.py").read_text())
    done = ran(written(tmp_path / "one", "True"), tmp_path / "copy", tmp_path / "empty", {})
    assert done.status != 0
    assert "and from no wheel" in done.said


@pytest.mark.slow
def test_a_project_whose_test_fails_is_told(site: Path, tmp_path: Path) -> None:
    done = ran(written(tmp_path / "one", "False"), tmp_path / "copy", site, {})
    with pytest.raises(AssertionError, match="1 failed"):
        passed(done)


def test_a_project_may_skip_where_a_program_of_the_system_is_missing() -> None:
    assert not Project("one", programs=("sh",)).may_skip
    assert Project("one", programs=("sh", "no-such-program")).may_skip


def test_a_skip_is_told_where_the_engine_was_there() -> None:
    done = Ran(0, "...\n2 passed, 1 skipped in 0.10s\n")
    passed(done, may_skip=True)
    with pytest.raises(AssertionError, match="1 skipped"):
        passed(done)


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("pip install -r requirements.txt", ["requirements.txt"]),
        ("A=b uvicorn main:api --reload", ["main:api"]),
        ("uvicorn there:other", ["there:other"]),
        ("uvicorn there:app", []),
        ("python there.py && python manage.py runserver", ["manage.py"]),
        ("no-such-program there:app", ["no-such-program"]),
    ],
)
def test_what_a_command_names_and_is_not_there_is_found(command: str, missing: list[str], tmp_path: Path) -> None:
    (tmp_path / "there.py").write_text("app = 1\n")
    assert [one for words in programs(command) for one in not_there(words, tmp_path)] == missing
