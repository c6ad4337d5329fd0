# SPDX-License-Identifier: MIT
"""lora.crypto against FIPS-197, SP 800-38A, RFC 4493 and published LoRaWAN frames."""

from lora import crypto
from vectors import rows


def test_aes_ecb():
    for row in rows("aes_cmac", "aes128_ecb"):
        data = crypto.ecb(bytes.fromhex(row["key"]), bytes.fromhex(row["plaintext"]))
        assert data.hex() == row["ciphertext"], row["source"]


def test_cmac():
    seen = 0
    for row in rows("aes_cmac", "aes_cmac"):
        message = bytes.fromhex(row["message"])
        assert crypto.cmac(bytes.fromhex(row["key"]), message).hex() == row["cmac"], row["source"]
        seen += 1
    assert seen == 14


def test_cmac_of_a_memoryview():
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    message = memoryview(bytearray(bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")))
    assert crypto.cmac(key, message).hex() == "070a16b46b4d4144f79bdd9dd04a287c"


def test_mic_and_cipher_of_published_frames():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] != "data":
            continue
        phy, down = bytes.fromhex(row["phy_hex"]), row["dir"] == "down"
        dev_addr, f_cnt = int(row["dev_addr"], 16), row["fcnt32"]
        nwk_skey = bytes.fromhex(row["keys"]["nwk_skey"])
        mic = crypto.mic(nwk_skey, dev_addr, f_cnt, down, phy[:-4])
        assert (mic == phy[-4:]) == row["mic_valid"], row["id"]
        if row["mic_valid"] and row.get("plaintext_hex") is not None:
            key = nwk_skey if row["fport"] == 0 else bytes.fromhex(row["keys"].get("app_skey", ""))
            sealed = bytes.fromhex(row["frm_payload_hex"])
            text = crypto.cipher(key, dev_addr, f_cnt, down, sealed)
            assert text.hex() == row["plaintext_hex"], row["id"]
            assert crypto.cipher(key, dev_addr, f_cnt, down, text) == sealed, row["id"]
        seen += 1
    assert seen == 31, seen


def test_direction_enters_mic_and_cipher():
    seen = 0
    for row in rows("lorawan_frames", "frames"):
        if row["kind"] not in ("mic_only", "frm_crypt"):
            continue
        down, dev_addr = row["dir"] == "down", int(row["dev_addr"], 16)
        if row["kind"] == "mic_only":
            key, message = bytes.fromhex(row["keys"]["nwk_skey"]), bytes.fromhex(row["msg_hex"])
            mic = crypto.mic(key, dev_addr, row["fcnt32"], down, message)
            assert mic.hex() == row["mic_hex"], row["id"]
        else:
            key, text = bytes.fromhex(row["keys"]["key"]), bytes.fromhex(row["plaintext_hex"])
            sealed = crypto.cipher(key, dev_addr, row["fcnt32"], down, text)
            assert sealed.hex() == row["ciphertext_hex"], row["id"]
        seen += 1
    assert seen >= 3, seen
