"""Codes are drawn at random, written for people, and read back however they are typed."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distribution.access_codes import code

CODES = st.text(code.ALPHABET, min_size=13, max_size=13).map(
    lambda drawn: code.AccessCode(drawn + code.check_character(drawn))
)


def test_a_code_is_written_in_groups_as_the_mail_gives_it():
    minted = code.mint()
    groups = minted.written().split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 2]
    assert set("".join(groups)) <= set(code.ALPHABET)


def test_minted_codes_differ():
    assert len({code.mint().characters for _ in range(2000)}) == 2000


@given(CODES)
def test_a_written_code_is_read_back(minted):
    assert code.parse(minted.written()) == minted


@given(
    CODES,
    st.sampled_from([str.lower, str.upper, str.title]),
    st.sampled_from(["", " ", "-", "–", " - ", "\t"]),
)
def test_case_spaces_and_dashes_do_not_matter(minted, case, gap):
    assert code.parse(f" {case(gap.join(minted.characters))}\n") == minted


def test_i_l_and_o_are_read_as_one_and_zero():
    minted = code.AccessCode("0110011001100" + code.check_character("0110011001100"))
    typed = minted.characters[:13].replace("0", "o").replace("1", "I") + minted.characters[13]
    assert code.parse(typed) == minted
    assert code.parse(typed.replace("I", "l")) == minted


def test_full_width_letters_of_an_input_method_are_read():
    minted = code.AccessCode("ABCDEFGHJKMNP" + code.check_character("ABCDEFGHJKMNP"))
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in minted.characters)
    assert code.parse(wide) == minted


@given(CODES, st.integers(0, 13), st.sampled_from(code.ALPHABET))
def test_every_single_slip_is_noticed(minted, position, letter):
    typed = minted.characters[:position] + letter + minted.characters[position + 1 :]
    if typed != minted.characters:
        with pytest.raises(code.NotAnAccessCode):
            code.parse(typed)


def test_nearly_every_swap_of_neighbours_is_noticed():
    missed = [
        (one, other)
        for one in code.ALPHABET
        for other in code.ALPHABET
        if one != other and code.check_character(f"{one}{other}") == code.check_character(f"{other}{one}")
    ]
    assert missed == [("0", "Z"), ("Z", "0")]


@pytest.mark.parametrize("typed", ["", "ABCD", "U" * 14, "A" * 15, "ABCD-EFGH-JKMN-P", "ABCD EFGH JKMN P!"])
def test_what_is_no_code_is_refused_without_being_repeated(typed):
    with pytest.raises(code.NotAnAccessCode) as refused:
        code.parse(typed)
    assert not typed or typed not in str(refused.value)


def test_a_code_shows_itself_nowhere_but_where_it_is_written_on_purpose():
    minted = code.mint()
    for shown in (
        repr(minted),
        str(minted),
        f"{minted}",
        f"{minted!r:>40}",
        f"{minted}",
        repr([minted]),
    ):
        assert minted.characters not in shown
        assert minted.written() not in shown
    assert pickle.loads(pickle.dumps(minted)) == minted  # noqa: S301  # our own bytes
