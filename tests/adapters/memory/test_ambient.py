from convalias.adapters.memory import Incarnation, NoTelemetry, Telemetry


def test_telemetry_keeps_what_was_measured_and_sums_it_by_tags() -> None:
    telemetry = Telemetry()
    telemetry.measure("icer.messages.processed", 1, outcome="relay")
    telemetry.measure("icer.messages.processed", 2, outcome="hold")
    with telemetry.span("relay", "t1", stage="native"):
        pass
    assert telemetry.total("icer.messages.processed") == 3
    assert telemetry.total("icer.messages.processed", outcome="hold") == 2
    assert [(span.name, span.trace, span.tags) for span in telemetry.spans] == [("relay", "t1", {"stage": "native"})]


def test_no_telemetry_takes_everything_and_keeps_nothing() -> None:
    telemetry = NoTelemetry()
    telemetry.measure("icer.messages.processed", 1)
    with telemetry.span("relay", "t1"):
        pass


def test_a_pretended_process_is_dead_when_its_name_is_among_the_gone() -> None:
    gone: set[str] = set()
    living = Incarnation("two", gone=gone)
    assert not living.is_gone("one")
    gone.add("one")
    assert living.is_gone("one")
    assert living.name == "two"
