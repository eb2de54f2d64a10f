//! Who is evaluated: turns the commitments on a subnet into miners with endpoints.

use std::collections::BTreeMap;

use kinitro_chain::Subnet;
use kinitro_chain::commitment::{
    Endpoint, MinerCommitment, Published, Reading, Revision, read_all,
};
use kinitro_core::crypto::PrivateKey;
use kinitro_core::{BlockNumber, Hotkey, MinerUid, NetUid};
use serde::{Deserialize, Serialize};

use super::super::storage::{CycleMiner, Miner, MinerStatus};

/// An unusable commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The miner's slot.
    pub uid: MinerUid,
    /// The miner's hotkey.
    pub hotkey: Hotkey,
    /// The block of the commitment.
    pub block: BlockNumber,
    /// Why the commitment is unusable.
    pub reason: String,
}

/// The miners on a subnet, according to its commitments.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// All miners with a readable commitment, ordered by uid, including those whose endpoint cannot
    /// be unsealed.
    pub(super) miners: Vec<Miner>,
    /// Miners whose commitment cannot be read or unsealed, ordered by uid.
    pub(super) rejected: Vec<Rejected>,
}

impl Roster {
    /// Reads the commitments of the miners on the subnet. `known` are the miners seen before.
    pub(super) fn read(
        subnet: &Subnet,
        netuid: NetUid,
        key: Option<&PrivateKey>,
        known: &[MinerStatus],
    ) -> Self {
        let known: BTreeMap<Hotkey, &Miner> =
            known.iter().map(|status| (status.miner.hotkey, &status.miner)).collect();
        let mut roster = Self::default();
        for reading in read_all(&subnet.commitments) {
            let Some(uid) = reading.uid else { continue };
            let Reading { hotkey, block, ref published, .. } = reading;
            let reject = |reason: String| Rejected { uid, hotkey, block, reason };
            let commitment = match published {
                Ok(Published::Miner(commitment)) => commitment,
                // A backend's key, or anything else that is not a miner's commitment.
                Ok(_) => continue,
                Err(error) => {
                    roster.rejected.push(reject(error.to_string()));
                    continue;
                }
            };
            let endpoint = open(&commitment.endpoint, key, netuid, hotkey);
            roster.miners.push(Miner {
                uid,
                hotkey,
                endpoint: endpoint.as_ref().ok().cloned(),
                endpoint_sealed: matches!(commitment.endpoint, Endpoint::Sealed { .. }),
                repo: commitment.repo.to_string(),
                revision: commitment.revision.to_string(),
                first_block: Some(first_block(block, commitment, known.get(&hotkey).copied())),
            });
            roster.rejected.extend(endpoint.err().map(reject));
        }
        roster.miners.sort_by_key(|miner| miner.uid);
        roster.rejected.sort_by_key(|rejected| rejected.uid);
        roster
    }

    /// The miners that can be evaluated.
    pub(super) fn contenders(&self) -> Vec<CycleMiner> {
        let contender = |miner: &Miner| {
            Some(CycleMiner {
                uid: miner.uid,
                hotkey: miner.hotkey,
                endpoint: miner.endpoint.clone()?,
                repo: miner.repo.clone(),
                revision: miner.revision.clone(),
                first_block: miner.first_block,
            })
        };
        self.miners.iter().filter_map(contender).collect()
    }
}

fn open(
    endpoint: &Endpoint,
    key: Option<&PrivateKey>,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Result<String, String> {
    match (endpoint.url(), key) {
        (Some(url), _) => Ok(url),
        (None, Some(key)) => endpoint.open(key, netuid, hotkey).map_err(|error| error.to_string()),
        (None, None) => {
            Err("the endpoint is sealed, and this scheduler has no private key".to_owned())
        }
    }
}

/// The block since which a miner has been committed to its current policy.
///
/// The chain stores only the block of the last commitment. A miner that commits to the same policy
/// again, for instance because its endpoint moved, keeps the earlier block; one that commits to
/// another policy starts over. Otherwise a miner could commit early to any policy, wait for a good
/// one to appear, and then commit to a copy of it and count as the first.
fn first_block(
    block: BlockNumber,
    commitment: &MinerCommitment,
    before: Option<&Miner>,
) -> BlockNumber {
    before
        .filter(|before| {
            before.repo == commitment.repo.as_str()
                && is_same_revision(&before.revision, &commitment.revision)
        })
        .and_then(|before| before.first_block)
        .map_or(block, |first| first.min(block))
}

/// Whether both name the same revision: commit hashes may be abbreviated.
fn is_same_revision(before: &str, now: &Revision) -> bool {
    let is_beginning = |long: &str, short: &str| {
        let both: Option<(Revision, Revision)> = long.parse().ok().zip(short.parse().ok());
        both.is_some_and(|(long, short)| long.is_commit() && short.is_commit())
            && long.starts_with(short)
    };
    let now = now.as_str();
    before == now || is_beginning(before, now) || is_beginning(now, before)
}

#[cfg(test)]
mod tests {
    use kinitro_chain::{Commitment, Hyperparameters};
    use kinitro_core::DeploymentId;
    use kinitro_core::crypto::{SealV1, SealV2};

    use super::*;

    const NETUID: NetUid = NetUid(26);

    fn hotkey(uid: u16) -> Hotkey {
        Hotkey::from_account_id([uid as u8 + 1; 32])
    }

    fn commitment(uid: u16, block: u64, text: &[u8]) -> Commitment {
        let (uid, block) = (MinerUid(uid), BlockNumber(block));
        Commitment::new(hotkey(uid.0), Some(uid), block, Some(text.to_vec()))
    }

    fn subnet(commitments: Vec<Commitment>) -> Subnet {
        Subnet::new(Vec::new(), commitments, Hyperparameters::default())
    }

    fn read(
        commitments: Vec<Commitment>,
        key: Option<&PrivateKey>,
        before: Option<&Roster>,
    ) -> Roster {
        let known = before.iter().flat_map(|roster| &roster.miners).map(|miner| MinerStatus {
            miner: miner.clone(),
            active: true,
            last_evaluated: None,
            last_evaluated_block: None,
            avg_success_rate: None,
            environments_evaluated: 0,
        });
        Roster::read(&subnet(commitments), NETUID, key, &known.collect::<Vec<_>>())
    }

    #[test]
    fn bad_and_hostile_commitments_do_not_hide_the_good_ones() {
        let key = PrivateKey::generate().unwrap();
        let id = DeploymentId::from_bytes([7; 16]);
        let other = PrivateKey::generate().unwrap().public_key();
        let seal = |seal: &dyn kinitro_core::crypto::Seal| {
            let endpoint = Endpoint::seal(&id, seal).unwrap();
            let repo = "a/b".parse().unwrap();
            let revision = "0123abcd".parse().unwrap();
            MinerCommitment::new(repo, revision, endpoint).to_text()
        };
        let own = |uid| SealV2 { backend: key.public_key(), netuid: NETUID, hotkey: hotkey(uid) };
        let mut no_text = commitment(9, 1, b"");
        no_text.data = None;
        let mut gone = commitment(10, 1, b"a/b:0123abcd:http://192.0.2.9:8000");
        gone.uid = None;
        let roster = read(
            vec![
                commitment(8, 1, b"a/b:0123abcd:http://192.0.2.8:8000/"),
                commitment(0, 1, b"\xff\xfe"),
                commitment(1, 1, b"a/b"),
                commitment(2, 1, seal(&own(2)).as_bytes()),
                // Another miner's sealed endpoint: version 2 binds the seal to the hotkey.
                commitment(3, 1, seal(&own(2)).as_bytes()),
                commitment(4, 1, seal(&SealV1 { backend: key.public_key() }).as_bytes()),
                commitment(5, 1, seal(&SealV1 { backend: other }).as_bytes()),
                commitment(6, 1, key.public_key().to_string().as_bytes()),
                commitment(7, 1, &[b'{'; 128]),
                no_text,
                gone,
            ],
            Some(&key),
            None,
        );
        let uids = |miners: Vec<CycleMiner>| miners.iter().map(|m| m.uid.0).collect::<Vec<_>>();
        assert_eq!(uids(roster.contenders()), [2, 4, 8]);
        assert_eq!(roster.contenders()[0].endpoint, id.url());
        assert_eq!(roster.contenders()[2].endpoint, "http://192.0.2.8:8000");
        let rejected: Vec<u16> = roster.rejected.iter().map(|rejected| rejected.uid.0).collect();
        assert_eq!(rejected, [0, 1, 3, 5, 7, 9]);
        assert!(roster.rejected.iter().all(|rejected| !rejected.reason.is_empty()));
        // A miner whose endpoint cannot be unsealed still has a commitment.
        let unopened = roster.miners.iter().filter(|miner| miner.endpoint.is_none());
        assert_eq!(unopened.map(|miner| miner.uid.0).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn what_is_sealed_needs_the_key() {
        let key = PrivateKey::generate().unwrap();
        let seal = SealV1 { backend: key.public_key() };
        let endpoint = Endpoint::seal(&DeploymentId::from_bytes([7; 16]), &seal).unwrap();
        let (repo, revision) = ("a/b".parse().unwrap(), "0123abcd".parse().unwrap());
        let text = MinerCommitment::new(repo, revision, endpoint);
        let sealed = vec![commitment(0, 1, text.to_text().as_bytes())];
        let roster = read(sealed, None, None);
        assert!(roster.contenders().is_empty());
        assert!(roster.miners[0].endpoint_sealed);
        assert!(roster.rejected[0].reason.contains("no private key"));
    }

    /// The block that counts after a first commitment is followed by a second.
    fn after(first: (u64, &str), second: (u64, &str)) -> u64 {
        let before = read(vec![commitment(0, first.0, first.1.as_bytes())], None, None);
        let now = read(vec![commitment(0, second.0, second.1.as_bytes())], None, Some(&before));
        now.contenders()[0].first_block.unwrap().0
    }

    #[test]
    fn who_moves_keeps_the_place_and_who_changes_the_policy_does_not() {
        let original = (100, "a/b:0123abcd:http://192.0.2.1:8000");
        assert_eq!(after(original, (300, "a/b:0123abcd:http://192.0.2.2:9000")), 100);
        let whole =
            format!(r#"{{"m":"a/b","r":"0123abcd{}","d":"http://192.0.2.2"}}"#, "0".repeat(32));
        assert_eq!(after(original, (300, &whole)), 100);
        assert_eq!(after((100, &whole), (300, original.1)), 100);
        for changed in [
            "a/b:0123abce:http://192.0.2.1:8000",
            "a/c:0123abcd:http://192.0.2.1:8000",
            "b/b:0123abcd:http://192.0.2.1:8000",
            "a/b:main:http://192.0.2.1:8000",
        ] {
            assert_eq!(after(original, (300, changed)), 300, "{changed}");
        }
        // Branch names must match exactly.
        assert_eq!(after((100, "a/b:v1:http://192.0.2.1"), (300, "a/b:v10:http://192.0.2.1")), 300);
        assert_eq!(after((100, "a/b:v1:http://192.0.2.1"), (300, "a/b:v1:http://192.0.2.2")), 100);
        // A chain reorganisation does not move a miner's block forward.
        assert_eq!(after((300, original.1), (100, original.1)), 100);
    }

    #[test]
    fn somebody_elses_policy_has_the_block_in_which_it_was_copied() {
        let text = b"a/b:0123abcd:http://192.0.2.1:8000";
        let before = read(vec![commitment(0, 100, text)], None, None);
        let both = vec![commitment(0, 100, text), commitment(1, 200, text)];
        let blocks: Vec<_> = read(both, None, Some(&before))
            .contenders()
            .iter()
            .map(|miner| miner.first_block.unwrap().0)
            .collect();
        assert_eq!(blocks, [100, 200]);
    }
}
