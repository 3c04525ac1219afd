"""The catalogue of metrics: what the code measures is listed, and the page shows the list."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import convalias
from convalias.ports.metrics import METRICS, SECONDS, Kind, Metric

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = Path(convalias.__path__[0])
PAGE = PROJECT / "docs" / "reference" / "metrics.md"
SAYS_WHO = {"address", "account", "conversation", "message_id", "trace", "record", "sender", "recipient"}


def measured(source: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Name and labels of each `….measure(name, value, label=…)`; a constant of the module stands for its value."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    constants = {
        node.target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="measure"), args=[ast.Constant(value=str(name)), _]):
                yield name, frozenset(keyword.arg or "**" for keyword in node.keywords)
            case ast.Call(func=ast.Attribute(attr="measure"), args=[ast.Name(id=constant), _]):
                yield constants[constant], frozenset(keyword.arg or "**" for keyword in node.keywords)
            case _:
                pass


def all_measured() -> set[tuple[str, frozenset[str]]]:
    sources = [path for path in PACKAGE.rglob("*.py") if "testing" not in path.parts]
    return {one for source in sources for one in measured(source)}


def row(metric: Metric) -> str:
    labels = "; ".join(f"`{name}`: {values}" for name, values in metric.labels.items())
    runbook = f"[{Path(metric.runbook).stem}](../{metric.runbook.removeprefix('docs/')})" if metric.runbook else ""
    told = f"{metric.help} **Logged**: {metric.alert}." if metric.alert else metric.help
    return f"| `{metric.name}` | {metric.kind.value} | {metric.unit} | {labels} | {told} | {runbook} |"


def test_what_the_code_measures_is_listed_with_these_labels() -> None:
    found = all_measured()
    assert len(found) > 30
    wrong = {
        (name, labels) for name, labels in found if name not in METRICS or not labels <= METRICS[name].labels.keys()
    }
    assert wrong == set()


def test_what_is_listed_is_measured() -> None:
    assert METRICS.keys() == {name for name, _ in all_measured()}


def test_a_measure_that_is_not_listed_is_found(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text('NAME: Final = "x.named"\nself.telemetry.measure(NAME, 1)\nt.measure("x.y", 2, who=3, **more)\n')
    assert set(measured(source)) == {("x.named", frozenset()), ("x.y", frozenset({"who", "**"}))}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_no_label_says_who_and_every_runbook_is_there(metric: Metric) -> None:
    assert not SAYS_WHO & metric.labels.keys()
    assert metric.help.endswith(".")
    assert not metric.runbook or (PROJECT / metric.runbook).is_file()


def test_a_histogram_has_the_buckets_that_service_levels_ask_about() -> None:
    assert {0.2, 0.5, 0.75, 1.0} <= set(SECONDS)
    assert METRICS["icer.processing.latency"].buckets == SECONDS
    assert METRICS["icer.messages.received"].buckets == ()
    assert METRICS["convs.feed.lag"].kind is Kind.GAUGE


def test_the_page_lists_the_catalogue() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == [row(metric) for metric in METRICS.values()]
