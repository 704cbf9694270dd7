import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.artifact import read_words
from models.errors import BrokenArtifact
from models.text import PINNED_STOP_WORDS, UNKNOWN_ID, Encoder, TextSettings, Vocabulary, split_words

WORDS = ("movie", "good", "bad", "na\u00efve")
ANY_TEXT = st.text(st.characters() | st.sampled_from("\ud800\udfff\x00\u0301\u2019\uff27<br />'"))
MARKED_UP = st.lists(st.sampled_from(["Good", "movie", "don't", "<br />", "...", "42", " ", "\n", "O'Neill"])).map(
    "".join
)


def plain_split(text: str) -> list[str]:
    """What the module's docstring says, one character after the other."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).lower()
    spelled = ""
    for character in text.replace("<br />", " "):
        if character.isalpha() or unicodedata.category(character).startswith("M"):
            spelled += character.lower() if character.isascii() else character
        elif character not in "'`\u2018\u2019\u02bc":
            spelled += " "
    return spelled.split()


@pytest.fixture
def encoder() -> Encoder:
    return Encoder(TextSettings(max_length=5), Vocabulary(WORDS), ["the", "don't"])


@given(ANY_TEXT | MARKED_UP | st.text(st.characters(max_codepoint=127)))
def test_the_fast_way_gives_the_words_of_the_plain_way(text: str) -> None:
    assert [word.decode() for word in split_words(text)] == plain_split(text)


@given(st.lists(ANY_TEXT))
def test_any_text_gets_ids_a_length_and_a_coverage(texts: list[str]) -> None:
    encoder = Encoder(TextSettings(max_length=5), Vocabulary(WORDS), ["the"])
    tokens = encoder.encode(texts)
    assert len(tokens) == len(texts)
    assert tokens.lengths.sum() == tokens.tokens == len(tokens.ids)
    assert all(1 <= length <= 5 for length in tokens.lengths)
    assert all(0 <= coverage <= 1 for coverage in tokens.coverage)
    assert all(UNKNOWN_ID <= number < encoder.vocabulary.ids for number in tokens.ids)


@given(st.lists(ANY_TEXT, min_size=1))
def test_a_text_is_encoded_the_same_alone_and_among_others(texts: list[str]) -> None:
    encoder = Encoder(TextSettings(max_length=5), Vocabulary(WORDS), ["the"])
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
    assert [word.decode() for word in split_words(text)] == words


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


def test_huge_texts_are_encoded_as_when_each_is_alone(encoder: Encoder) -> None:
    texts = ["good zebra " * 60_000, "bad", "movie " * 200_000, "", "bad good"]
    alone = [encoder.encode([text]) for text in texts]
    together = encoder.encode(texts)
    assert together.ids.tolist() == np.concatenate([each.ids for each in alone]).tolist()
    assert together.coverage.tolist() == [0.5, 1, 1, 0, 1]


def test_no_texts_are_no_tokens(encoder: Encoder) -> None:
    assert len(encoder.encode([])) == encoder.encode([]).tokens == 0


def test_settings_survive_their_json() -> None:
    settings = TextSettings(vocabulary_size=7, max_length=8, remove_stop_words=False)
    assert TextSettings.from_json(settings.to_json()) == settings


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
