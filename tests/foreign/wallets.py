"""What PyPI bittensor-wallet makes of wallets. The last line of the output is the answer, as JSON.

    wallets.py make FOLDER              makes a wallet `theirs` with a hotkey of each kind
    wallets.py load FOLDER NAME HOTKEY  loads a hotkey and signs with it
    wallets.py verify SIGNATURES        verifies a JSON list of [address, message, signature]
"""

import json
import sys

from bittensor_wallet import Keypair, Wallet

PHRASE = "toy surface whip universe worry direct gospel globe tribe current ship cream"
SEED = "0x92178bba46c1745f698e4ebb077f252a9db048ff5e752083c78baef0b9011d60"
PASSWORD = "correct horse é"
MESSAGE = b"signed by bittensor-wallet"


def make(folder):
    def wallet(hotkey):
        return Wallet(name="theirs", hotkey=hotkey, path=folder)

    quiet = {"suppress": True, "overwrite": True}
    wallet("generated").create_new_hotkey(use_password=False, **quiet)
    wallet("mnemonic").regenerate_hotkey(mnemonic=PHRASE, use_password=False, **quiet)
    wallet("seed").regenerate_hotkey(seed=SEED, use_password=False, **quiet)
    wallet("uri").create_hotkey_from_uri("//Alice//hard/soft", **quiet)
    wallet("phrase-uri").create_hotkey_from_uri(f"{PHRASE}//hard/1///password", **quiet)
    wallet("encrypted").create_new_hotkey(use_password=True, hotkey_password=PASSWORD, **quiet)
    wallet("ed25519").create_new_hotkey(use_password=False, crypto_type=0, **quiet)
    wallet("any").create_new_coldkey(use_password=True, coldkey_password=PASSWORD, **quiet)

    def signed(name, keypair):
        signature = keypair.sign(MESSAGE).hex()
        return {"name": name, "address": keypair.ss58_address, "signature": signature}

    plain = ["generated", "mnemonic", "seed", "uri", "phrase-uri", "ed25519"]
    keys = [signed(name, wallet(name).get_hotkey()) for name in plain]
    keys.append(signed("encrypted", wallet("encrypted").get_hotkey(PASSWORD)))
    keys.append(signed("coldkey", wallet("any").get_coldkey(PASSWORD)))
    return {"password": PASSWORD, "message": MESSAGE.decode(), "keys": keys}


def load(folder, name, hotkey):
    wallet = Wallet(name=name, hotkey=hotkey, path=folder)
    keypair = wallet.get_hotkey()
    return {
        "address": keypair.ss58_address,
        "public": wallet.get_hotkeypub().ss58_address,
        "message": MESSAGE.decode(),
        "signature": keypair.sign(MESSAGE).hex(),
    }


def verify(signatures):
    return [
        Keypair(ss58_address=address).verify(message.encode(), bytes.fromhex(signature))
        for address, message, signature in json.loads(signatures)
    ]


command, *arguments = sys.argv[1:]
print(json.dumps({"make": make, "load": load, "verify": verify}[command](*arguments)))
