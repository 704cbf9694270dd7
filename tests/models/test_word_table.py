import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.word_table import KEY_BYTES, WordTable

MISSING = 1
# Few letters and all lengths around the key's, so that words share beginnings and half keys.
WORDS = st.text("ab\u00e9", min_size=1, max_size=KEY_BYTES + 4).map(str.encode)


@given(st.lists(WORDS, unique=True), st.lists(WORDS), st.data())
def test_the_table_finds_what_a_dictionary_finds(known: list[bytes], others: list[bytes], data: st.DataObject) -> None:
    id_of_word = {word: 2 + index for index, word in enumerate(known)}
    words = data.draw(st.permutations(known + others))
    expected = [id_of_word.get(word, MISSING) for word in words]
    assert WordTable(id_of_word, MISSING).find(b" ".join(words)).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 10, 1_000, 30_000])
def test_a_table_of_any_size_finds_all_its_words_and_no_others(count: int) -> None:
    id_of_word = {f"word{index}".encode(): index for index in range(count)}
    table = WordTable(id_of_word, missing_id=-1)
    assert table.find(b" ".join(id_of_word)).tolist() == list(range(count))
    assert set(table.find(b" ".join(word + b"x" for word in id_of_word)).tolist()) <= {-1}


@pytest.mark.parametrize("text", [b"", b" ", b"    "])
def test_a_text_without_words_has_no_ids(text: bytes) -> None:
    assert WordTable({b"a": 2}, MISSING).find(text).tolist() == []
