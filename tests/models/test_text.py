import string
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artifact import read_words
from models.errors import BrokenArtifact
from models.text import PINNED_STOP_WORDS, POSSIBLE_SYMBOLS, UNKNOWN_ID, Encoder, Spelling, TextSettings, Vocabulary

WORDS = ("movie", "good", "bad", "na\u00efve", "10", "!", ".", "the")
STOP_WORDS = ("the", "don't")
ANY_TEXT = st.text(st.characters() | st.sampled_from("\ud800\udfff\x00\u0301\u2019\uff27<br />'!.10\uff11\u2026\u00b2"))
PIECES = ["Good", "movie", "don't", "<br />", "...", "42", "10", "10th", "!?", "bad.", " ", "\n", "O'Neill", "the "]
MARKED_UP = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
TEXTS = st.lists(ANY_TEXT | MARKED_UP)
LENGTHS = st.integers(1, 9).flatmap(lambda longest: st.tuples(st.just(longest), st.integers(0, longest - 1)))
SYMBOLS = st.sampled_from(["", "!", "!?.", "".join(sorted(POSSIBLE_SYMBOLS))])
SETTINGS = st.builds(
    lambda lengths, *others: TextSettings(len(WORDS), lengths[0], others[0], lengths[1], *others[1:]),
    LENGTHS,
    st.booleans(),
    st.booleans(),
    SYMBOLS,
)


def plain_split(text: str, settings: TextSettings) -> list[str]:
    """What the module's docstring says, one character after the other."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).lower()
    spelled = ""
    for character in text.replace("<br />", " "):
        if character.isalpha() or unicodedata.category(character).startswith("M"):
            spelled += character.lower() if character.isascii() else character
        elif settings.keep_digits and character in string.digits:
            spelled += character
        elif character in settings.symbols:
            spelled += f" {character} "
        elif character not in "'`\u2018\u2019\u02bc":
            spelled += " "
    return spelled.split()


def plain_encode(text: str, settings: TextSettings) -> tuple[list[int], float]:
    """A text's ids and coverage, one word after the other."""
    words = [
        word for word in plain_split(text, settings) if not settings.remove_stop_words or word not in {"the", "dont"}
    ]
    ids = [2 + WORDS.index(word) for word in words if word in WORDS]
    if len(ids) > settings.max_length:
        tail = ids[len(ids) - settings.tail_length :]
        ids = ids[: settings.max_length - settings.tail_length] + tail
    countable = [word in WORDS for word in words if word not in settings.symbols]
    return ids or [UNKNOWN_ID], sum(countable) / max(1, len(countable))


def encoder_of(settings: TextSettings) -> Encoder:
    return Encoder(settings, Vocabulary(WORDS), STOP_WORDS)


def ids_of(encoder: Encoder, texts: Sequence[str]) -> list[list[int]]:
    tokens = encoder.encode(texts)
    return [part.tolist() for part in np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])]


@pytest.fixture
def encoder() -> Encoder:
    return encoder_of(TextSettings(max_length=5))


@given(ANY_TEXT | MARKED_UP | st.text(st.characters(max_codepoint=127)), SETTINGS)
def test_the_fast_way_gives_the_words_of_the_plain_way(text: str, settings: TextSettings) -> None:
    assert [word.decode() for word in Spelling(settings).split(text)] == plain_split(text, settings)


@given(st.lists(ANY_TEXT | MARKED_UP, min_size=1), SETTINGS)
def test_the_fast_way_gives_the_ids_and_coverage_of_the_plain_way(texts: list[str], settings: TextSettings) -> None:
    encoder = encoder_of(settings)
    expected = [plain_encode(text, settings) for text in texts]
    assert ids_of(encoder, texts) == [ids for ids, _ in expected]
    assert encoder.encode(texts).coverage.tolist() == [np.float32(coverage) for _, coverage in expected]


@given(TEXTS, SETTINGS)
def test_any_text_gets_ids_a_length_and_a_coverage(texts: list[str], settings: TextSettings) -> None:
    tokens = encoder_of(settings).encode(texts)
    assert len(tokens) == len(texts)
    assert tokens.lengths.sum() == tokens.tokens == len(tokens.ids)
    assert all(1 <= length <= settings.max_length for length in tokens.lengths)
    assert all(0 <= coverage <= 1 for coverage in tokens.coverage)
    assert all(UNKNOWN_ID <= number < 2 + len(WORDS) for number in tokens.ids)


@given(st.lists(ANY_TEXT | MARKED_UP, min_size=1), SETTINGS)
def test_a_text_is_encoded_the_same_alone_and_among_others(texts: list[str], settings: TextSettings) -> None:
    encoder = encoder_of(settings)
    together = encoder.encode(texts)
    alone = [encoder.encode([text]) for text in texts]
    assert together.ids.tolist() == np.concatenate([each.ids for each in alone]).tolist()
    assert together.coverage.tolist() == [each.coverage[0] for each in alone]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Good.<br /><br />Bad!", ["good", "bad"]),
        ("It wasn't, it wasn\u2019t", ["it", "wasnt", "it", "wasnt"]),
        ("10/10 film-noir", ["film", "noir"]),
        ("\uff27\uff4f\uff4f\uff44 \U0001f600", ["good"]),
        ("nai\u0308ve na\u00efve", ["na\u00efve", "na\u00efve"]),
        ("a\ud800b\x00c", ["a", "b", "c"]),
    ],
)
def test_words_are_split_as_documented(text: str, words: list[str]) -> None:
    assert Spelling(TextSettings()).split(text) == [word.encode() for word in words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10/10!!", ["10", "10", "!", "!"]),
        ("2nd-rate... WHY?", ["2nd", "rate", ".", ".", ".", "why", "?"]),
        ("Isn't <br />it?!", ["isnt", "it", "?", "!"]),
        ("\uff11\uff10 stars\uff01 wait\u2026", ["10", "stars", "!", "wait", ".", ".", "."]),
        ("caf\u00e9.\u0663 @home", ["caf\u00e9", ".", "home"]),
    ],
)
def test_digits_and_symbols_are_kept_where_the_settings_say_so(text: str, words: list[str]) -> None:
    assert Spelling(TextSettings(keep_digits=True, symbols="!?.")).split(text) == [word.encode() for word in words]


def test_stop_words_are_dropped_and_do_not_count_against_coverage(encoder: Encoder) -> None:
    tokens = encoder.encode(["don't the GOOD movie", "the good zebra"])
    assert tokens.ids.tolist() == [3, 2, 3]
    assert tokens.coverage.tolist() == [1.0, 0.5]


def test_without_removal_a_stop_word_is_a_word_like_any_other() -> None:
    encoder = Encoder(TextSettings(remove_stop_words=False), Vocabulary(["the"]), ["the"])
    assert encoder.encode(["the"]).coverage.tolist() == [1.0]


@pytest.mark.parametrize("text", ["", "   ", "zebra", "the", "123 ?!"])
def test_a_text_without_a_known_word_is_one_unknown_id_of_coverage_zero(encoder: Encoder, text: str) -> None:
    tokens = encoder.encode([text])
    assert tokens.ids.tolist() == [UNKNOWN_ID]
    assert tokens.coverage.tolist() == [0.0]


def test_a_long_text_is_cut_at_its_end_but_covered_as_a_whole(encoder: Encoder) -> None:
    tokens = encoder.encode(["good " * 4 + "bad " * 4 + "zebra zebra"])
    assert tokens.ids.tolist() == [3, 3, 3, 3, 4]
    assert tokens.coverage.tolist() == [np.float32(0.8)]


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        ("movie good bad movie good", [2, 3, 4, 2, 3]),
        ("movie good bad movie good bad", [2, 3, 2, 3, 4]),
        ("movie good zebra bad bad the bad bad bad movie", [2, 3, 4, 4, 2]),
        ("good", [3]),
    ],
)
def test_of_a_long_text_the_head_and_the_tail_are_kept_in_order(words: str, ids: list[int]) -> None:
    encoder = encoder_of(TextSettings(max_length=5, tail_length=3))
    assert ids_of(encoder, ["bad", words, words, "movie"]) == [[4], ids, ids, [2]]


@pytest.mark.parametrize("tail_length", range(5))
def test_a_text_exactly_as_long_as_the_limit_is_whole(tail_length: int) -> None:
    encoder = encoder_of(TextSettings(max_length=5, tail_length=tail_length))
    assert ids_of(encoder, ["movie good bad good movie"]) == [[2, 3, 4, 3, 2]]


def test_symbols_are_read_but_are_no_words_of_which_a_share_could_be_known() -> None:
    encoder = encoder_of(TextSettings(symbols="!?."))
    tokens = encoder.encode(["good! zebra?", "!!!", "good"])
    assert tokens.ids.tolist() == [3, 7, 7, 7, 7, 3]
    assert tokens.coverage.tolist() == [0.5, 0.0, 1.0]


def test_huge_texts_are_encoded_as_when_each_is_alone(encoder: Encoder) -> None:
    texts = ["good zebra " * 60_000, "bad", "movie " * 200_000, "", "bad good"]
    alone = [encoder.encode([text]) for text in texts]
    together = encoder.encode(texts)
    assert together.ids.tolist() == np.concatenate([each.ids for each in alone]).tolist()
    assert together.coverage.tolist() == [0.5, 1, 1, 0, 1]


def test_no_texts_are_no_tokens(encoder: Encoder) -> None:
    assert len(encoder.encode([])) == encoder.encode([]).tokens == 0


def test_settings_survive_their_json() -> None:
    settings = TextSettings(7, 8, remove_stop_words=False, tail_length=5, keep_digits=True, symbols="!?")
    assert TextSettings.from_json(settings.to_json()) == settings


def test_settings_written_before_there_were_tails_digits_and_symbols_mean_none_of_them() -> None:
    written = {"vocabulary_size": 6_000, "max_length": 370, "remove_stop_words": True}
    assert TextSettings.from_json(written) == TextSettings(tail_length=0, keep_digits=False, symbols="")


@pytest.mark.parametrize(
    "changes",
    [{"symbols": symbols} for symbols in ("'", "`", "<", ">", "/", " ", "a", "7", "\u2026")]
    + [{"tail_length": 5}, {"tail_length": -1}, {"max_length": 0}],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BrokenArtifact, match="cannot be"):
        replace(TextSettings(max_length=5), **changes)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(BrokenArtifact, match="keep_emoji"):
        TextSettings.from_json({"keep_emoji": True})


def test_a_vocabulary_with_a_word_twice_is_refused() -> None:
    with pytest.raises(BrokenArtifact, match="twice"):
        Vocabulary(["good", "good"])


def test_the_pinned_stop_words_are_those_of_nltk() -> None:
    corpus = pytest.importorskip("nltk.corpus")
    try:
        expected = corpus.stopwords.words("english")
    except LookupError:
        pytest.skip("NLTK's stop word corpus is not installed here")
    assert sorted(read_words(PINNED_STOP_WORDS)) == sorted(expected)
