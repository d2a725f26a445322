"""A sealed code opens with the right keys, for its own organisation and year, and for nobody else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from distribution.access_codes import code, vault


def yes():
    return True


def no():
    return False


@pytest.fixture
def keys(tmp_path):
    return vault.open_keys(tmp_path / "secrets", may_make=yes)


def test_a_sealed_code_opens_again(keys):
    minted = code.mint()
    sealed = vault.seal(keys, minted, organization="123456", year=2027)
    assert vault.unseal(keys, sealed, organization="123456", year=2027) == minted


@pytest.mark.parametrize(("organization", "year"), [("654321", 2027), ("123456", 2026)])
def test_a_code_of_one_organisation_and_year_does_not_open_as_anothers(keys, organization, year):
    sealed = vault.seal(keys, code.mint(), organization="123456", year=2027)
    with pytest.raises(vault.VaultKey):
        vault.unseal(keys, sealed, organization=organization, year=year)


def test_a_changed_row_does_not_open(keys):
    sealed = vault.seal(keys, code.mint(), organization="123456", year=2027)
    flipped = bytes([sealed.cipher[0] ^ 1]) + sealed.cipher[1:]
    with pytest.raises(vault.VaultKey):
        vault.unseal(keys, replace(sealed, cipher=flipped), organization="123456", year=2027)


def test_neither_lookup_nor_cipher_holds_the_code_and_the_same_code_is_sealed_differently(keys):
    minted = code.mint()
    one, two = (vault.seal(keys, minted, organization="123456", year=2027) for _ in range(2))
    assert one.lookup == two.lookup == vault.lookup_of(keys, minted)
    assert one.cipher != two.cipher
    assert minted.characters.encode() not in one.lookup + one.cipher + one.nonce


def test_keys_are_made_on_first_use_for_their_owner_alone_and_stay(tmp_path, keys):
    files = sorted((tmp_path / "secrets").iterdir())
    assert [file.name for file in files] == ["code-lookup-1.key", "code-vault-1.key"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert vault.open_keys(tmp_path / "secrets", may_make=no) == keys
    assert keys.lookup != keys.vault


def test_missing_keys_are_never_replaced_while_codes_are_on_file(tmp_path, keys):
    (tmp_path / "secrets" / "code-vault-1.key").unlink()
    with pytest.raises(vault.VaultKey, match="backup"):
        vault.open_keys(tmp_path / "secrets", may_make=no)
    assert not (tmp_path / "secrets" / "code-vault-1.key").exists()


def test_a_broken_key_file_is_named_and_not_quoted(tmp_path, keys):
    (tmp_path / "secrets" / "code-vault-1.key").write_text("deadbeef")
    with pytest.raises(vault.VaultKey) as refused:
        vault.open_keys(tmp_path / "secrets", may_make=yes)
    assert "code-vault-1.key" in str(refused.value)
    assert "deadbeef" not in str(refused.value)


def test_two_processes_that_make_the_keys_at_once_end_with_the_same(tmp_path):
    folder = tmp_path / "fresh"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: vault.open_keys(folder, may_make=yes), range(8)))
    assert all(each == made[0] for each in made)
    assert len(list(folder.iterdir())) == 2


def test_keys_do_not_show_themselves(keys):
    assert keys.vault.hex() not in repr(keys)
    assert repr(keys.vault) not in repr(keys)
