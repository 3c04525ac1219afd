"""Draws hang on words alone. The vectors are frozen: a seed that is kept as a regression test must stay what it was."""

from collections import Counter

from convalias.testing.simulator.draws import Draws
from convalias.testing.simulator.weather import Fault, Weather, drawn


def test_the_same_words_are_the_same_draw_in_every_process_and_version() -> None:
    draws = Draws(7)
    assert draws.octets("web-0#1").hex() == "19e278597e6dc808e2cadf093f419344"
    assert draws.units("web-0#1") == (0.10111190972240891, 0.7813855881968585)
    stream = draws.stream("acts")
    assert [stream.below(1000) for _ in range(6)] == [756, 427, 704, 195, 361, 755]
    assert draws.stream("entropy").octets(20).hex() == "8a4ce4fac2b1412c42d45e30deb983322e81841b"


def test_who_draws_in_between_changes_nothing() -> None:
    alone, disturbed = Draws(1).stream("a"), Draws(1).stream("a")
    other = Draws(1).stream("b")
    for _ in range(20):
        other.unit()
        assert alone.unit() == disturbed.unit()


def test_seeds_and_names_draw_differently() -> None:
    drawn_ones = {Draws(seed).units(word) for seed in range(50) for word in ("a", "b", "a\0")}
    assert len(drawn_ones) == 150


def test_draws_are_even() -> None:
    stream = Draws(3).stream("even")
    counted = Counter(stream.below(4) for _ in range(4000))
    assert all(850 < counted[n] < 1150 for n in range(4))


def test_a_shuffle_loses_nothing() -> None:
    stream = Draws(3).stream("cards")
    assert sorted(stream.shuffled(range(30))) == list(range(30))
    assert stream.shuffled(range(30)) != stream.shuffled(range(30))


def test_each_seed_has_a_weather_of_its_own_and_each_fault_is_on_in_some_and_off_in_others() -> None:
    weathers = [drawn(Draws(seed), until=60.0) for seed in range(60)]
    assert weathers[0] == drawn(Draws(0), until=60.0)
    for fault in Fault:
        assert 10 < sum(fault in one.on for one in weathers) < 55


def test_faults_end_when_they_are_to_end_and_are_as_rare_as_said() -> None:
    weather = Weather(on=frozenset({Fault.BEFORE, Fault.AFTER}), rate=0.1, until=10.0)
    assert weather.at(0.05, 9.9) is Fault.AFTER or weather.at(0.049, 9.9) is Fault.BEFORE
    assert weather.at(0.01, 9.9) is Fault.BEFORE
    assert weather.at(0.1, 9.9) is None
    assert weather.at(0.01, 10.0) is None
    assert weather.without(Fault.BEFORE).at(0.01, 0.0) is Fault.AFTER
    assert Weather(rate=0.5, until=9.0).at(0.1, 0.0) is None
