"""What PyPI bittensor makes of a chain. The last line of the output is the answer, as JSON.

    sdk.py read URL NETUID                 block, neurons, metagraph, hyperparameters, commitments
    sdk.py commit URL NETUID URI TEXT      publishes a commitment as that development account
    sdk.py weights URL NETUID URI UIDS WEIGHTS   sets weights as that development account
    sdk.py seal ROUND HEX                  seals bytes for a round of drand's quicknet
    sdk.py open HEX SIGNATURE              opens sealed bytes with a signature
"""

import json
import sys
import tempfile


def wallet(uri):
    from bittensor_wallet import Keypair, Wallet

    keypair = Keypair.create_from_uri(uri)
    made = Wallet(name="dev", hotkey="dev", path=tempfile.mkdtemp())
    made.set_hotkey(keypair, encrypt=False, overwrite=True)
    made.set_coldkey(keypair, encrypt=False, overwrite=True)
    made.set_coldkeypub(keypair, encrypt=False, overwrite=True)
    return made


def subtensor(url):
    import bittensor

    return bittensor.Subtensor(network=url)


def outcome(response):
    return {"success": response.success, "message": response.message, "error": repr(response.error)}


def read(url, netuid):
    chain = subtensor(url)
    netuid = int(netuid)
    metagraph = chain.metagraph(netuid)
    hyperparameters = chain.get_subnet_hyperparameters(netuid)
    return {
        "block": chain.block,
        "neurons": [[n.uid, n.hotkey, n.coldkey, n.stake.rao] for n in chain.neurons(netuid)],
        "neurons_lite": [[n.uid, n.hotkey, n.validator_permit] for n in chain.neurons_lite(netuid)],
        "metagraph": [metagraph.hotkeys, [int(uid) for uid in metagraph.uids]],
        "tempo": hyperparameters.tempo,
        "commit_reveal": hyperparameters.commit_reveal_weights_enabled,
        "commitments": chain.get_all_commitments(netuid),
    }


def commit(url, netuid, uri, text):
    chain = subtensor(url)
    return outcome(chain.set_commitment(wallet(uri), int(netuid), text))


def weights(url, netuid, uri, uids, values):
    chain = subtensor(url)
    netuid = int(netuid)
    response = chain.set_weights(
        wallet(uri),
        netuid,
        uids=json.loads(uids),
        weights=json.loads(values),
        wait_for_inclusion=True,
        wait_for_finalization=True,
    )
    stored = [[uid, [list(pair) for pair in pairs]] for uid, pairs in chain.weights(netuid)]
    waiting = chain.get_timelocked_weight_commits(netuid)
    return outcome(response) | {"weights": stored, "waiting": len(waiting)}


def seal(round_number, data):
    import bittensor_drand

    sealed, _ = bittensor_drand.encrypt_at_round(bytes.fromhex(data), int(round_number))
    # The library puts a length of two bytes before the ciphertext, and the round behind it.
    return sealed[2:-8].hex()


def unseal(sealed, signature):
    import bittensor_drand

    sealed = bytes.fromhex(sealed)
    framed = (len(sealed) << 2 | 1).to_bytes(2, "little") + sealed + bytes(8)
    return bittensor_drand.decrypt_with_signature(framed, signature).hex()


actions = {"read": read, "commit": commit, "weights": weights, "seal": seal, "open": unseal}
print(json.dumps(actions[sys.argv[1]](*sys.argv[2:])))
