//! Sealed endpoints: those that others sealed open, and what was tampered with does not.

use kinitro_core::crypto::{
    CryptoError, Open, OpenV1, OpenV2, PrivateKey, PublicKey, Seal, SealV1, SealV2, SealVersion,
    SealedEndpoint,
};
use kinitro_core::{DeploymentId, Hotkey, NetUid};
use proptest::prelude::*;
use serde::Deserialize;

/// Sealed by a program of a few dozen lines of Python over nothing but `hashlib` and `hmac`, which
/// reproduces the shared vectors of version 1.
const GOLDEN: &str = include_str!("../golden/crypto.json");

#[derive(Deserialize)]
struct Vector {
    #[serde(default = "version_1")]
    version: u8,
    private_key_hex: String,
    public_key_hex: PublicKey,
    deployment_id: DeploymentId,
    blob: SealedEndpoint,
    netuid: Option<NetUid>,
    hotkey: Option<Hotkey>,
    account_id_hex: Option<String>,
}

fn version_1() -> u8 {
    1
}

fn check(vectors: &[Vector]) {
    for vector in vectors {
        let backend = PrivateKey::from_hex(&vector.private_key_hex).unwrap();
        assert_eq!(backend.public_key(), vector.public_key_hex);
        let opened = match (vector.version, vector.netuid, vector.hotkey) {
            (1, None, None) => OpenV1 { backend: &backend }.open(&vector.blob),
            (2, Some(netuid), Some(hotkey)) => {
                let account_id = PublicKey::from_bytes(*hotkey.account_id()).to_string();
                assert_eq!(Some(account_id), vector.account_id_hex);
                OpenV2 { backend: &backend, netuid, hotkey }.open(&vector.blob)
            }
            other => panic!("no such vector: {other:?}"),
        };
        assert_eq!(opened, Ok(vector.deployment_id));
    }
}

#[test]
fn our_own_vectors_open() {
    let vectors: Vec<Vector> = serde_json::from_str(GOLDEN).unwrap();
    assert!(vectors.iter().any(|v| v.version == 1) && vectors.iter().any(|v| v.version == 2));
    check(&vectors);
}

#[test]
fn the_shared_vectors_open() {
    let Some(text) = crate::shared_vectors::read("crypto_dev.json") else { return };
    let vectors: Vec<Vector> = serde_json::from_str(&text).unwrap();
    assert_eq!(vectors.len(), 20);
    check(&vectors);
}

fn key(bytes: [u8; 32]) -> PrivateKey {
    PrivateKey::from_hex(&PublicKey::from_bytes(bytes).to_string()).unwrap()
}

/// Both versions, each with the one that opens what it seals.
fn pairs(
    backend: &PrivateKey,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Vec<(Box<dyn Seal>, Box<dyn Open + '_>)> {
    let public = backend.public_key();
    vec![
        (Box::new(SealV1 { backend: public }), Box::new(OpenV1 { backend })),
        (
            Box::new(SealV2 { backend: public, netuid, hotkey }),
            Box::new(OpenV2 { backend, netuid, hotkey }),
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_sealed_opens_for_its_reader_only(
        secret in any::<[u8; 32]>(),
        other_secret in any::<[u8; 32]>(),
        account in any::<[u8; 32]>(),
        other_account in any::<[u8; 32]>(),
        netuid in any::<u16>().prop_map(NetUid),
        id in any::<[u8; 16]>(),
    ) {
        let (backend, other) = (key(secret), key(other_secret));
        prop_assume!(backend.public_key() != other.public_key() && account != other_account);
        let hotkey = Hotkey::from_account_id(account);
        let endpoint = DeploymentId::from_bytes(id);
        let others = pairs(&other, netuid, hotkey);
        for ((seal, open), (_, other)) in pairs(&backend, netuid, hotkey).into_iter().zip(others) {
            let sealed = seal.seal(&endpoint).unwrap();
            let version = seal.version();
            prop_assert_eq!(version, open.version());
            prop_assert_eq!(open.open(&sealed), Ok(endpoint));
            prop_assert_ne!(seal.seal(&endpoint).unwrap(), sealed, "the same blob twice");
            prop_assert_eq!(other.open(&sealed), Err(CryptoError::DoesNotOpen(version)));
            let text = sealed.to_string();
            prop_assert_eq!(text.len(), 80);
            prop_assert_eq!(text.parse(), Ok(sealed));
        }
        let sealed =
            SealV2 { backend: backend.public_key(), netuid, hotkey }.seal(&endpoint).unwrap();
        let fails = Err(CryptoError::DoesNotOpen(SealVersion::V2));
        let copied =
            OpenV2 { backend: &backend, netuid, hotkey: Hotkey::from_account_id(other_account) };
        prop_assert_eq!(copied.open(&sealed), fails.clone(), "another hotkey");
        let elsewhere = OpenV2 { backend: &backend, netuid: NetUid(netuid.0.wrapping_add(1)), hotkey };
        prop_assert_eq!(elsewhere.open(&sealed), fails, "another subnet");
        let as_version_1 = OpenV1 { backend: &backend };
        prop_assert!(as_version_1.open(&sealed).is_err(), "another version");
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed() {
    let backend = key([7; 32]);
    let hotkey = Hotkey::from_account_id([9; 32]);
    let endpoint = DeploymentId::from_bytes([3; 16]);
    for (seal, open) in pairs(&backend, NetUid(26), hotkey) {
        let sealed = seal.seal(&endpoint).unwrap();
        for bit in 0..512 {
            let mut bytes = *sealed.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = open.open(&SealedEndpoint::from_bytes(bytes));
            // X25519 does not look at the highest bit of a public key (RFC 7748, section 5), but
            // the nonce or the derived key depends on it.
            assert!(opened.is_err(), "version {}: bit {bit}", seal.version().number());
        }
    }
}

#[test]
fn points_of_low_order_are_refused() {
    // 0 and 1, of order 4 and 1 on the curve or its twist.
    for low in [[0; 32], {
        let mut one = [0; 32];
        one[0] = 1;
        one
    }] {
        let point = PublicKey::from_bytes(low);
        let endpoint = DeploymentId::from_bytes([3; 16]);
        let hotkey = Hotkey::from_account_id([9; 32]);
        let refused = CryptoError::LowOrderPoint(point);
        assert!(refused.to_string().contains("low order"));
        assert_eq!(SealV1 { backend: point }.seal(&endpoint), Err(refused.clone()));
        let seal = SealV2 { backend: point, netuid: NetUid(1), hotkey };
        assert_eq!(seal.seal(&endpoint), Err(refused.clone()));
        let mut blob = [0; 64];
        blob[..32].copy_from_slice(&low);
        let blob = SealedEndpoint::from_bytes(blob);
        for (_, open) in pairs(&key([7; 32]), NetUid(1), hotkey) {
            assert_eq!(open.open(&blob), Err(refused.clone()));
        }
    }
}

#[test]
fn what_is_no_sealed_endpoint_is_refused() {
    for (text, message) in [
        (String::new(), "80 characters, not 0"),
        ("0".repeat(79), "not 79"),
        ("0".repeat(81), "not 81"),
        ("é".repeat(40), "not base85: character 1 is"),
        ("\"".repeat(80), "not base85: character 1 is"),
        ("~".repeat(80), "more than 32 bits"),
    ] {
        let error = text.parse::<SealedEndpoint>().unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let mistyped = serde_json::from_str::<SealedEndpoint>("\"abc\"").unwrap_err().to_string();
    assert!(mistyped.contains("80 characters, not 3"), "{mistyped}");
    let error = CryptoError::DoesNotOpen(SealVersion::V2).to_string();
    assert!(error.contains("another key, hotkey or subnet"), "{error}");
    assert_eq!((SealVersion::V1.tag(), SealVersion::V2.tag()), ("e", "e2"));
}
