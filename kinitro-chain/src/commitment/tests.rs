use kinitro_core::crypto::{PrivateKey, SealV1, SealV2, SealVersion, SealedEndpoint};
use kinitro_core::{BlockNumber, DeploymentId, Hotkey, MinerUid, NetUid};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::subnet::Commitment;

const ID: &str = "380208a9-ad45-f23d-3b1a-11df587fd280";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn parse(text: &str) -> Result<MinerCommitment, CommitmentError> {
    text.parse()
}

fn commitment(endpoint: Endpoint) -> MinerCommitment {
    let (repo, revision) = ("user/repo".parse().unwrap(), COMMIT.parse().unwrap());
    MinerCommitment { repo, revision, endpoint }
}

/// A sealed endpoint with every digit of base85 that might be taken for something else. Each group
/// begins with a 0, so that it stands for no more than 32 bits.
fn strange_digits() -> String {
    let digits = "LMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let groups = digits.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).unwrap());
    groups.map(|four| format!("0{four}")).collect()
}

#[test]
fn the_forms_of_the_specification() {
    let sealed: SealedEndpoint = strange_digits().parse().unwrap();
    let seal = |version| Endpoint::Sealed { version, endpoint: sealed };
    let url = "http://127.0.0.1:8001/policy";
    for (endpoint, deployment, json) in [
        (Endpoint::Deployment(ID.parse().unwrap()), ID.to_owned(), json!({ "d": ID })),
        (Endpoint::Url(url.parse().unwrap()), url.to_owned(), json!({ "d": url })),
        (seal(SealVersion::V1), format!("e:{sealed}"), json!({ "e": strange_digits() })),
        (seal(SealVersion::V2), format!("e2:{sealed}"), json!({ "e2": strange_digits() })),
    ] {
        let mut commitment = commitment(endpoint);
        let mut json = json;
        json["m"] = "user/repo".into();
        json["r"] = COMMIT.into();
        assert_eq!(parse(&json.to_string()).unwrap(), commitment);
        let written: serde_json::Value = serde_json::from_str(&commitment.to_json()).unwrap();
        assert_eq!(written, json);

        let text = format!("user/repo:01234567:{deployment}");
        assert_eq!(commitment.to_text(), text);
        assert_eq!(commitment.to_string(), text);
        commitment.revision = "01234567".parse().unwrap();
        assert_eq!(parse(&text).unwrap(), commitment);
        let read = MinerCommitment::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(Published::from_bytes(text.as_bytes()).unwrap().miner(), Some(&read));
    }
}

#[test]
fn errors_name_the_part_and_what_it_should_be() {
    let repository = "must be `user/repo`";
    let revision = "must be the first 8 characters of a commit";
    let deployment = "must be a UUID of 36 characters, or an http(s) URL";
    for (text, error, expected) in [
        ("", "no repository", repository),
        ("repo", "`repo` is not a repository", repository),
        ("user/repo", "no revision", revision),
        ("user/repo:", "no revision", revision),
        ("user/repo:0123", "no deployment", deployment),
        ("user/repo:0123:", "no deployment", deployment),
        (":0123:id", "no repository", repository),
        ("a/b/c:0123:id", "`a/b/c` is not a repository", repository),
        ("a/b.git:0123:id", "is not a repository", repository),
        ("a/-b:0123:id", "is not a repository", repository),
        ("a/b..c:0123:id", "is not a repository", repository),
        ("a/é:0123:id", "`a/é` is not a repository", repository),
        ("a/b:../x:id", "`../x` is not a revision", revision),
        ("a/b:0 1:id", "`0 1` is not a revision", revision),
        ("a/b:0123:id", "`id` is not a deployment", deployment),
        ("a/b:0123:e", "`e` is not a deployment", deployment),
        ("a/b:0123:e3:x", "`e3:x` is not a deployment", deployment),
        ("a/b:0123:ftp://h", "is not a deployment", deployment),
        ("a/b:0123:e:", "no sealed endpoint", "80 characters of base85"),
        ("a/b:0123:e2:xyz", "80 characters, not 3", ""),
        ("{", "is none: EOF", "line 1 column 1"),
        ("{}", "no repository", repository),
        (r#"{"m":1,"r":"0123","d":"x"}"#, "the repository is not a string", repository),
        (r#"{"m":"a/b","r":null,"d":"x"}"#, "no revision", revision),
        (r#"{"m":"a/b","r":1e30,"d":"x"}"#, "the revision is not a string", revision),
        (r#"{"m":"a/b","r":1e999,"d":"x"}"#, "is none: number out of range", ""),
        (r#"{"m":"a/b","r":"0123"}"#, "no deployment", deployment),
        (r#"{"m":"a/b","r":"0123","d":[]}"#, "the deployment is not a string", deployment),
        (r#"{"m":"a/b","r":"0123","d":"x","e":"y"}"#, "more than one endpoint", "`d`, `e`"),
        (r#"{"m":"a/b","m":"a/c"}"#, "is none: duplicate field `m`", ""),
        (r#"{"m":"a/b"} more"#, "is none: trailing characters", ""),
    ] {
        let said = parse(text).unwrap_err().to_string();
        assert!(said.contains(error) && said.contains(expected), "{text}: {said}");
    }
    let deep = format!("{{\"m\":{}", "[".repeat(400));
    assert!(parse(&deep).unwrap_err().to_string().contains("recursion limit"));
}

#[test]
fn errors_are_short_and_harmless() {
    let text = format!("\u{1b}[2J\n\u{202e}{}", "x".repeat(400));
    let error = parse(&text).unwrap_err();
    let CommitmentError::Invalid { field: Field::Repository, excerpt } = &error else {
        panic!("{error:?}");
    };
    assert!(excerpt.starts_with(r"\u{1b}[2J\n\u{202e}x") && excerpt.ends_with("x..."), "{error}");
    let bytes = MinerCommitment::from_bytes(b"user/\xff").unwrap_err();
    assert_eq!(bytes, CommitmentError::NotUtf8(6));
}

#[test]
fn what_hugging_face_allows_is_allowed() {
    for repo in ["a/b", "A_1/b.c-d_e", "_/_", "org-x/model.v2", &format!("u/{}", "a".repeat(96))] {
        assert!(repo.parse::<Repository>().is_ok(), "{repo}");
    }
    for repo in
        ["b", "a/", "/b", "a/b ", "a/b-", "a./b", "a/b--c", &format!("u/{}", "a".repeat(97))]
    {
        assert!(repo.parse::<Repository>().is_err(), "{repo}");
    }
}

#[test]
fn of_a_commit_eight_characters_are_written() {
    for (revision, short, is_commit) in [
        (COMMIT, "01234567", true),
        ("01234567", "01234567", true),
        ("0123456", "0123456", false),
        ("main", "main", false),
        ("refs/pr/1", "refs/pr/1", false),
        ("feature-of-mine", "feature-of-mine", false),
    ] {
        let revision: Revision = revision.parse().unwrap();
        assert_eq!((revision.short(), revision.is_commit()), (short, is_commit));
    }
}

#[test]
fn only_addresses_that_everyone_reads_alike() {
    for url in ["http://h", "https://host.example:8000/a/b/", "http://[::1]:80", "http://10.0.0.1"]
    {
        assert!(url.parse::<EndpointUrl>().is_ok(), "{url}");
    }
    for url in [
        "",
        "http://",
        "https:///h",
        "http:h",
        "http:\\\\h",
        "http://h\n",
        "http://h h",
        "http://h:x",
        "http://hé",
        "HTTP://h",
        "ftp://h",
        "http://\\h",
        "http://[::",
        "http://a\u{202e}b",
    ] {
        assert!(url.parse::<EndpointUrl>().is_err(), "{url:?}");
    }
    let url: EndpointUrl = "http://h/a//".parse().unwrap();
    assert_eq!(Endpoint::Url(url).url().unwrap(), "http://h/a");
}

#[test]
fn what_is_too_long_is_named() {
    let sealed = Endpoint::Sealed {
        version: SealVersion::V2,
        endpoint: SealedEndpoint::from_bytes([7; 64]),
    };
    let mut long = commitment(sealed);
    long.repo = format!("user/{}", "r".repeat(30)).parse().unwrap();
    assert_eq!(long.data().unwrap().as_bytes().len(), 128);
    long.repo = format!("user/{}", "r".repeat(36)).parse().unwrap();
    let error = long.data().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the commitment has 134 bytes, 6 more than the 128 that fit: its repository has 41, and \
         beside the rest there is room for 35"
    );
    assert_eq!(long.long_data().unwrap().as_bytes(), long.to_text().as_bytes());

    let url = format!("http://h/{}", "u".repeat(500));
    let error = commitment(Endpoint::Url(url.parse().unwrap())).long_data().unwrap_err();
    let part = TooLongPart { field: Field::Deployment, length: 509, limit: 493 };
    assert_eq!(error, TooLong { length: 528, limit: 512, part: Some(part) });
    let error = CommitmentData::new([0; 129]).unwrap_err().to_string();
    assert_eq!(error, "the commitment has 129 bytes, 1 more than the 128 that fit");
}

#[test]
fn the_backend_opens_what_was_sealed_for_it() {
    let backend = PrivateKey::generate().unwrap();
    let (netuid, hotkey) = (NetUid(26), Hotkey::from_account_id([1; 32]));
    let id: DeploymentId = ID.parse().unwrap();
    let url = format!("https://{ID}.deployments.basilica.ai");
    let one = SealV1 { backend: backend.public_key() };
    let two = SealV2 { backend: backend.public_key(), netuid, hotkey };
    let sealed = [Endpoint::seal(&id, &one).unwrap(), Endpoint::seal(&id, &two).unwrap()];
    let other = Hotkey::from_account_id([2; 32]);
    for (endpoint, others_too) in sealed.into_iter().zip([true, false]) {
        let written = commitment(endpoint).to_text();
        let endpoint = parse(&written).unwrap().endpoint;
        assert_eq!(endpoint.url(), None);
        assert_eq!(endpoint.open(&backend, netuid, hotkey).unwrap(), url);
        assert_eq!(endpoint.open(&backend, netuid, other).is_ok(), others_too);
        assert!(endpoint.open(&PrivateKey::generate().unwrap(), netuid, hotkey).is_err());
    }
    let plain = Endpoint::Deployment(id);
    assert_eq!(plain.url().as_ref(), Some(&url));
    assert_eq!(plain.open(&backend, netuid, other).unwrap(), url);
}

#[test]
fn a_bad_commitment_is_reported_beside_the_good_ones() {
    let key = PrivateKey::generate().unwrap().public_key();
    let good = format!("user/repo:01234567:{ID}");
    let data = [
        Some(good.clone().into_bytes()),
        Some(b"user/repo".to_vec()),
        Some(vec![0xff; 512]),
        None,
        Some(CommitmentData::from(key).as_bytes().to_vec()),
        Some(good.into_bytes()),
    ];
    let commitments: Vec<_> = data
        .into_iter()
        .zip(0..)
        .map(|(data, uid)| {
            let hotkey = Hotkey::from_account_id([uid as u8; 32]);
            Commitment::new(hotkey, Some(MinerUid(uid)), BlockNumber(7), data)
        })
        .collect();
    let readings = read_all(&commitments);
    let miners: Vec<_> = readings
        .iter()
        .filter(|reading| reading.published.as_ref().is_ok_and(|value| value.miner().is_some()))
        .map(|reading| reading.uid.unwrap().0)
        .collect();
    assert_eq!(miners, [0, 5]);
    assert_eq!(readings[1].published, Err(CommitmentError::Missing(Field::Revision)));
    assert_eq!(readings[2].published, Err(CommitmentError::NotUtf8(1)));
    assert_eq!(readings[3].published, Err(CommitmentError::NoText));
    assert_eq!(readings[4].published.as_ref().unwrap().backend_key(), Some(key));

    let json = serde_json::to_value(&readings).unwrap();
    assert_eq!(json[0]["uid"], 0);
    assert_eq!(json[0]["miner"]["endpoint"], json!({ "deployment": ID }));
    assert!(json[1]["error"].as_str().unwrap().contains("no revision"));
    assert_eq!(json[4]["backend_key"], key.to_string());
}

#[test]
fn a_commitment_is_checked_when_it_comes_from_json() {
    let value =
        serde_json::to_value(commitment(Endpoint::Deployment(ID.parse().unwrap()))).unwrap();
    let read: MinerCommitment = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), value);
    let mut bad = value;
    bad["repo"] = "repo".into();
    let error = serde_json::from_value::<MinerCommitment>(bad).unwrap_err().to_string();
    assert!(error.contains("`repo` is not a repository"), "{error}");
}

fn endpoints() -> impl Strategy<Value = Endpoint> {
    let id = any::<[u8; 16]>().prop_map(|id| Endpoint::Deployment(DeploymentId::from_bytes(id)));
    let url = "https?://[a-z0-9]{1,20}(:[0-9]{1,4})?(/[!-\\[\\]-~]{0,40})?"
        .prop_filter_map("a URL", |url| url.parse().ok().map(Endpoint::Url));
    let sealed = (any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>()).prop_map(|(a, b, first)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&a);
        bytes[32..].copy_from_slice(&b);
        let version = if first { SealVersion::V1 } else { SealVersion::V2 };
        Endpoint::Sealed { version, endpoint: SealedEndpoint::from_bytes(bytes) }
    });
    prop_oneof![id, url, sealed]
}

fn commitments() -> impl Strategy<Value = MinerCommitment> {
    let repo = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}/[A-Za-z0-9_.-]{0,40}[A-Za-z0-9_]"
        .prop_filter_map("a repository", |repo| repo.parse().ok());
    let revision = "[0-9a-f]{8,40}|[A-Za-z0-9][A-Za-z0-9/_-]{0,30}"
        .prop_map(|revision| revision.parse().unwrap());
    (repo, revision, endpoints()).prop_map(|(repo, revision, endpoint)| MinerCommitment {
        repo,
        revision,
        endpoint,
    })
}

/// Whatever is read is written back to what reads as the same.
fn is_settled(commitment: &MinerCommitment) {
    assert_eq!(parse(&commitment.to_json()).unwrap(), *commitment);
    let mut short = commitment.clone();
    short.revision = commitment.revision.short().parse().unwrap();
    assert_eq!(parse(&commitment.to_text()).unwrap(), short);
}

proptest! {
    #[test]
    fn what_is_written_is_read(commitment in commitments()) {
        is_settled(&commitment);
        let json = serde_json::to_string(&commitment).unwrap();
        prop_assert_eq!(serde_json::from_str::<MinerCommitment>(&json).unwrap(), commitment);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..=512)) {
        if let Err(error) = Published::from_bytes(&bytes) {
            prop_assert!(error.to_string().len() < 600);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in "\\PC{0,128}|[a-c/]{1,6}:[0-9a-f:]{0,9}:(e|e2|http://|)[!-~:]{0,90}|\\{[mrde2\":,{\\[1-9]{0,60}\\}",
    ) {
        match parse(&text) {
            Ok(commitment) => is_settled(&commitment),
            Err(error) => {
                let said = error.to_string();
                prop_assert!(said.len() < 700 && !said.chars().any(char::is_control), "{}", said);
            }
        }
    }

    #[test]
    fn a_damaged_commitment_is_read_or_refused(
        commitment in commitments(),
        json in any::<bool>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let text = if json { commitment.to_json() } else { commitment.to_text() };
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(commitment) = MinerCommitment::from_bytes(&bytes) {
            is_settled(&commitment);
        }
        let _ = Published::from_bytes(&bytes[..at]);
    }
}
