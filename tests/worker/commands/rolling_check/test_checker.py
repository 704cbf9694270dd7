"""The checker must catch what it is there for: each test spoils one good history in one way."""

from collections.abc import Sequence

import pytest

from worker.commands.rolling_check.checker import Seen, Sent, Verdict, check

SENT = [Sent(f"r{n}", b"even" if n % 2 == 0 else b"odd", n % 2, n // 2) for n in range(8)]


def result(sent: Sent, offset: int, topic: str = "sentiments") -> Seen:
    return Seen(topic, sent.partition, offset, sent.key, id=sent.id, version=1)


def letter(sent: Sent, offset: int) -> Seen:
    return Seen("dead-letters", sent.partition, offset, sent.key, source=(sent.partition, sent.offset))


def results(sent: Sequence[Sent]) -> list[Seen]:
    # Transactions leave gaps between offsets.
    return [result(record, 3 * index) for index, record in enumerate(sent)]


GOOD = results(SENT)


def test_each_record_seen_once_is_innocent() -> None:
    assert check(SENT, GOOD) == Verdict()


def test_a_dead_letter_answers_for_a_record_as_a_sentiment_does() -> None:
    assert check(SENT, [letter(SENT[0], 0), *GOOD[1:]]) == Verdict()


def test_the_order_of_different_keys_does_not_matter() -> None:
    assert check(SENT, results(SENT[1::2] + SENT[0::2])) == Verdict()


def test_lost() -> None:
    assert check(SENT, [*GOOD[:3], *GOOD[4:]]) == Verdict(lost=("r3",))


def test_duplicated_among_sentiments() -> None:
    assert check(SENT, [*GOOD, result(SENT[7], 99)]) == Verdict(duplicated=("r7",))


def test_duplicated_as_sentiment_and_dead_letter() -> None:
    assert check(SENT, [*GOOD, letter(SENT[2], 0)]) == Verdict(duplicated=("r2",))


def test_a_redelivery_is_a_duplicate_but_no_reordering() -> None:
    assert check(SENT, [*GOOD, *(result(s, 100 + s.offset) for s in SENT[:4])]) == Verdict(
        duplicated=("r0", "r1", "r2", "r3")
    )


def test_duplicates_and_nothing_else_may_be_allowed() -> None:
    duplicated = [*GOOD[1:], result(SENT[7], 99)]
    assert check(SENT, duplicated).but_for_duplicates() == Verdict(lost=("r0",))


def test_reordered_within_a_key() -> None:
    swapped = [SENT[0], SENT[1], SENT[4], SENT[3], SENT[2], *SENT[5:]]
    assert check(SENT, results(swapped)) == Verdict(reordered=("r2",))


def test_order_is_that_of_offsets_not_of_arrival() -> None:
    assert check(SENT, GOOD[::-1]) == Verdict()


def test_reordered_because_the_key_changed_its_partition() -> None:
    moved = GOOD[2]._replace(partition=1)
    assert check(SENT, [*GOOD[:2], moved, *GOOD[3:]]) == Verdict(reordered=("r2",))


def test_records_without_a_key_have_no_order() -> None:
    keyless = [record._replace(key=None) for record in SENT]
    assert check(keyless, results(keyless[::-1])) == Verdict()


@pytest.mark.parametrize(
    "stranger",
    [
        Seen("sentiments", 0, 99, b"even", id="r99", version=1),
        Seen("sentiments", 0, 99, b"even", version=1),
        Seen("dead-letters", 0, 99, b"even", source=(0, 99)),
    ],
)
def test_unexpected(stranger: Seen) -> None:
    assert check(SENT, [*GOOD, stranger]) == Verdict(unexpected=(stranger,))


def test_unexpected_because_the_key_is_another() -> None:
    other = GOOD[3]._replace(key=b"even")
    assert check(SENT, [*GOOD[:3], other, *GOOD[4:]]) == Verdict(lost=("r3",), unexpected=(other,))


def test_wrong_version() -> None:
    assert check(SENT, [*GOOD[:5], GOOD[5]._replace(version=2), *GOOD[6:]]) == Verdict(wrong_version=("r5",))
    assert check(SENT, [*GOOD[:5], GOOD[5]._replace(version=2), *GOOD[6:]], versions=(1, 2)) == Verdict()


def test_an_id_sent_twice_cannot_be_judged() -> None:
    with pytest.raises(ValueError, match="sent twice"):
        check([*SENT, SENT[0]], GOOD)
