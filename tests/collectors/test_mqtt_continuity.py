"""When nothing is missing for certain, and the pair of gap rows where that cannot be proven."""

from __future__ import annotations

from collectors.mqtt.continuity import Track, decode, encode
from core.vocabulary import Cause


def living(*, renews: bool = False) -> Track:
    return Track("m", next_seq=10, event_us=1000, life_us=1500, renews=renews)


def test_the_first_connection_ever_needs_no_pair() -> None:
    track = Track("m")
    track.connected(session_present=False, sequenced=True, restarted=True)
    assert track.alive(0, 5) is None


def test_a_kept_session_with_numbers_needs_no_pair_and_the_next_number_proves_it() -> None:
    track = living()
    track.connected(session_present=True, sequenced=True, restarted=True)
    assert track.alive(0, 2000) is None
    (proof,) = track.numbered(0, (10, 12), (1900, 1950), repeat=False) or ()
    assert (proof.opened, proof.proven, proof.from_us, proof.at_us) == (False, True, 1000, 1900)
    assert track.numbered(0, (12, 13), (1960, 1960), repeat=False) is None


def test_a_session_that_was_lost_needs_no_pair_if_the_next_number_comes_first() -> None:
    track = living()
    track.connected(session_present=False, sequenced=True, restarted=False)
    (proof,) = track.numbered(0, (10, 12), (1900, 1950), repeat=False) or ()
    assert proof.proven
    assert track.alive(0, 1950) is None


def test_a_hole_after_a_connection_proves_nothing() -> None:
    track = living()
    track.connected(session_present=True, sequenced=True, restarted=False)
    opened, closed = track.numbered(0, (11, 12), (1900, 1950), repeat=False) or ()
    assert (opened.opened, closed.opened, closed.proven) == (True, False, False)
    assert track.numbered(0, (12, 13), (1960, 1960), repeat=False) is None


def test_without_session_or_numbers_the_pair_lies_between_the_two_proofs_of_life() -> None:
    for present, sequenced, restarted, cause in (
        (False, True, False, Cause.SESSION_LOST),
        (True, False, False, Cause.DISCONNECTED),
        (False, True, True, Cause.RESTART),
    ):
        track = living()
        track.connected(session_present=present, sequenced=sequenced, restarted=restarted)
        opened, closed = track.alive(3, 2000) or ()
        assert (opened.opened, opened.at_us, opened.cause, opened.machines) == (True, 1500, cause, (3,))
        assert (closed.opened, closed.at_us, closed.proven) == (False, 2000, False)
        assert track.alive(3, 2100) is None


def test_a_hole_is_a_pair_between_the_events_around_it() -> None:
    opened, closed = living().numbered(0, (12, 13), (1200, 1200), repeat=False) or ()
    assert (opened.at_us, closed.at_us, opened.cause) == (1000, 1200, Cause.SESSION_LOST)


def test_a_pair_never_runs_backwards() -> None:
    opened, closed = living().numbered(0, (12, 13), (400, 400), repeat=False) or ()
    assert (opened.at_us, closed.at_us) == (1000, 1000)


def test_what_was_delivered_once_more_changes_nothing() -> None:
    track = living()
    assert track.numbered(0, (8, 10), (900, 1000), repeat=False) is None
    assert track.numbered(0, (8, 10), (3000, 3000), repeat=True) is None
    assert (track.next_seq, track.event_us) == (10, 1000)


def test_numbers_that_begin_again_with_newer_events_are_a_restart() -> None:
    track = living()
    opened, closed = track.numbered(0, (0, 2), (1800, 1900), repeat=False) or ()
    assert (opened.at_us, closed.at_us, opened.cause) == (1000, 1800, Cause.RESTART)
    assert track.numbered(0, (2, 3), (1950, 1950), repeat=False) is None


def test_a_publisher_that_renews_its_values_ends_a_doubt_with_them_and_not_before() -> None:
    track = living(renews=True)
    track.connected(session_present=False, sequenced=True, restarted=False)
    assert track.waits
    assert track.alive(0, 2000) is None
    assert track.life_us == 1500
    opened, closed = track.told(0, 2600) or ()
    assert (opened.at_us, closed.at_us, opened.cause) == (1500, 2600, Cause.SESSION_LOST)
    assert track.told(0, 2700) is None
    assert not track.waits


def test_the_next_number_after_a_connection_ends_the_doubt_of_a_publisher_that_renews() -> None:
    track = living(renews=True)
    track.connected(session_present=False, sequenced=True, restarted=False)
    (proof,) = track.numbered(0, (10, 11), (1900, 1900), repeat=False) or ()
    assert proof.proven
    assert not track.waits


def test_a_hole_of_a_publisher_that_renews_lasts_until_the_values_are_told_whatever_number_follows() -> None:
    track = living(renews=True)
    assert track.numbered(0, (12, 13), (1600, 1600), repeat=False) is None
    assert track.numbered(0, (13, 14), (1700, 1700), repeat=False) is None
    assert track.waits
    opened, closed = track.told(0, 1800) or ()
    assert (opened.at_us, closed.at_us, opened.cause) == (1000, 1800, Cause.SESSION_LOST)


def test_the_state_survives_a_restart_and_rubbish_is_no_state() -> None:
    assert decode(encode([living()])) == {"m": living()}
    assert decode(b"rubbish") == decode(None) == {}
