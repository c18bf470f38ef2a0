"""Figures over the clients of a stream: what they mean, that they forget, and that they stay small."""

import math
import statistics
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from walletmon.instrument.clients import MOST_CONNECTIONS, ClientSample, entropy, skewness, spread
from walletmon.instrument.sources import MOST_NETWORKS, SourceNetworks


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sample(clock: Clock) -> ClientSample:
    return ClientSample(clock)


@pytest.fixture
def networks(clock: Clock) -> SourceNetworks:
    return SourceNetworks(clock)


def end(sample: ClientSample, agent: str, *seconds: float, network: int | None = None) -> None:
    for each in seconds:
        sample.ended(sample.client(agent, network), each)


def open_from(networks: SourceNetworks, *addresses: str) -> list[bool]:
    found = [networks.network(address) for address in addresses]
    return [networks.opened(network) for network in found if network is not None]


class TestFigures:
    @pytest.mark.parametrize(
        ("counts", "bits"), [([], None), ([9], 0), ([5, 5], 1), ([1] * 256, 8), ([2, 1, 1], 1.5), ([10**18, 10**18], 1)]
    )
    def test_entropy_is_in_bits(self, counts: list[int], bits: float | None) -> None:
        assert entropy(counts) == (None if bits is None else pytest.approx(bits))

    @pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [3.0, 3.0, 3.0], [0.0] * 9])
    def test_without_a_spread_there_is_no_skewness(self, values: list[float]) -> None:
        assert skewness(values) is None

    def test_nearly_all_short_and_few_long_is_skewed_to_the_right(self) -> None:
        assert skewness([1.0, 2.0, 3.0]) == pytest.approx(0)
        assert skewness([1.0] * 99 + [1000.0]) == pytest.approx(98 / math.sqrt(99))
        left = skewness([1000.0] * 99 + [1.0])
        assert left is not None
        assert left < -9

    @pytest.mark.parametrize(
        ("values", "expected"),
        [([5, 5, 5], 0), ([0, 0, 0], 0), ([0, 0, 7], 1), ([1, 2, 3], math.sqrt(2 / 3) / 2 / 2**0.5)],
    )
    def test_spread_is_between_steady_and_one_alone(self, values: list[float], expected: float) -> None:
        assert spread(values) == pytest.approx(expected)

    @given(st.lists(st.floats(0, 1e300), min_size=3, max_size=50))
    def test_no_durations_break_them(self, values: list[float]) -> None:
        found = skewness(values)
        assert found is None or math.isfinite(found)
        assert 0 <= spread(values[:3]) <= 1

    @given(st.lists(st.floats(0.001, 1e6), min_size=3, max_size=50, unique=True))
    def test_skewness_is_the_third_standardised_moment(self, values: list[float]) -> None:
        mean, deviation = statistics.fmean(values), statistics.pstdev(values)
        if (found := skewness(values)) is not None and deviation / mean > 1e-3:
            expected = statistics.fmean(((value - mean) / deviation) ** 3 for value in values)
            assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


class TestSample:
    def test_an_empty_sample_says_nothing(self, sample: ClientSample) -> None:
        assert (sample.size(), sample.entropy(), sample.skewness(), sample.consistency()) == (0, None, None, None)

    def test_one_program_has_no_entropy_and_many_have_more(self, sample: ClientSample) -> None:
        end(sample, "curl/8", *[1.0] * 10)
        assert sample.entropy() == 0
        for number in range(60):
            end(sample, f"browser {number}", *[1.0] * 10)
        many = sample.entropy()
        assert many is not None
        assert 5 < many <= math.log2(61)

    def test_consistency_is_of_the_last_three_of_each_client(self, sample: ClientSample) -> None:
        end(sample, "steady", 900, 10, 10, 10)
        assert sample.consistency() == 0
        end(sample, "erratic", 0, 0, 60)
        assert sample.consistency() == pytest.approx(0.5)
        end(sample, "too few", 1, 100)
        assert sample.consistency() == pytest.approx(0.5)

    def test_a_user_agent_in_two_networks_is_two_clients(self, sample: ClientSample) -> None:
        end(sample, "a", 5, 5, network=1)
        end(sample, "a", 500, network=2)
        assert sample.consistency() is None

    def test_it_forgets_after_five_minutes(self, sample: ClientSample, clock: Clock) -> None:
        end(sample, "a", 1, 2, 3)
        clock.now += 299
        end(sample, "b", 4)
        assert sample.size() == 4
        clock.now += 2
        assert sample.size() == 1
        clock.now += 300
        assert (sample.size(), sample.entropy()) == (0, None)

    def test_it_stays_small_and_keeps_the_latest(self, sample: ClientSample) -> None:
        end(sample, "old", *[1.0] * MOST_CONNECTIONS)
        end(sample, "new", *[1.0] * MOST_CONNECTIONS)
        assert sample.size() == MOST_CONNECTIONS
        assert sample.entropy() == 0

    def test_what_is_kept_tells_nobody(self) -> None:
        """The same client has other hashes in another process."""
        hashes = {ClientSample().client("curl/8", 1).fingerprint for _ in range(5)}
        assert len(hashes) == 5


class TestNetworks:
    def test_addresses_of_one_network_are_one_source(self, networks: SourceNetworks) -> None:
        open_from(networks, "192.0.2.1", "192.0.2.254", "::ffff:192.0.2.7")
        assert networks.distinct() == 1
        open_from(networks, "192.0.3.1")
        assert networks.distinct() == 2
        open_from(networks, "2001:db8:1::1", "2001:db8:1:ffff::9", "2001:db8:1::1%eth0")
        assert networks.distinct() == 3
        open_from(networks, "2001:db8:2::1")
        assert networks.distinct() == 4

    @pytest.mark.parametrize("address", ["", "localhost", "192.0.2.1:80", "192.0.2.300", "1" * 99, None, 7, b"::1"])
    def test_what_is_no_address_is_no_source(self, networks: SourceNetworks, address: object) -> None:
        assert networks.network(address) is None

    def test_before_a_source_was_told_nothing_is_known_and_then_none_is_none(
        self, networks: SourceNetworks, clock: Clock
    ) -> None:
        assert (networks.distinct(), networks.dispersion()) == (None, None)
        open_from(networks, "192.0.2.1")
        assert (networks.distinct(), networks.dispersion()) == (1, 0)
        clock.now += 311
        assert (networks.distinct(), networks.dispersion()) == (0, None)

    def test_dispersion_is_deviation_over_mean(self, networks: SourceNetworks) -> None:
        open_from(networks, *["192.0.2.1"] * 9, "192.0.3.1", "192.0.4.1", "192.0.5.1")
        assert networks.dispersion() == pytest.approx(statistics.pstdev([9, 1, 1, 1]) / 3)

    def test_a_flood_from_one_source_among_many_exceeds_the_matrix(self, networks: SourceNetworks) -> None:
        open_from(networks, *(f"10.0.{number}.1" for number in range(50)), *["192.0.2.1"] * 1000)
        found = networks.dispersion()
        assert found is not None
        assert found > 4.5

    def test_the_window_slides(self, networks: SourceNetworks, clock: Clock) -> None:
        for number in range(6):
            open_from(networks, f"10.0.{number}.1")
            clock.now += 100
        assert networks.distinct() == 2
        open_from(networks, "10.0.5.1")
        clock.now += 250
        assert networks.distinct() == 1

    def test_it_stays_small(self, networks: SourceNetworks, clock: Clock) -> None:
        def flood(first: int) -> Iterator[str]:
            return (f"{first}.{number // 256}.{number % 256}.1" for number in range(MOST_NETWORKS + 100))

        admitted = open_from(networks, *flood(10))
        assert (admitted.count(True), admitted.count(False)) == (MOST_NETWORKS, 100)
        assert networks.distinct() == MOST_NETWORKS
        assert open_from(networks, "10.0.0.9") == [True]
        clock.now += 311
        assert open_from(networks, "11.0.0.1") == [True]
        assert networks.distinct() == 1
