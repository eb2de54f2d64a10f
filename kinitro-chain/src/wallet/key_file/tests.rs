use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ADDRESS: &str = "5GjesiCpg7RZQxRhosMTauKz2ZowqSY2JeHk3Jcw1Fma1mkF";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

/// The key of [`whole`], encrypted by PyPI bittensor-wallet 4.1.1.
const ENCRYPTED: &[u8] = include_bytes!("../../../testdata/hotkey.nacl");

/// A file as PyPI bittensor-wallet 4.1.1 writes it.
fn whole() -> Value {
    json!({
        "secretSeed": "0x92178bba46c1745f698e4ebb077f252a9db048ff5e752083c78baef0b9011d60",
        "ss58Address": ADDRESS,
        "privateKey": "0x76e1dbaaaa924a9999154266ddb6c40c248c8ff9d27e37d4fbefdba59734ef0a\
                       81a878feb33a8f89ba5179834f40869f3f1f48e4d6a8c75921de672c3f7fa2a7",
        "publicKey": "0xcea57758038c61db90971a9416fbfe18add39dfaa9118ad290065359492df769",
        "secretPhrase":
            "toy surface whip universe worry direct gospel globe tribe current ship cream",
        "cryptoType": 1,
        "accountId": "0xcea57758038c61db90971a9416fbfe18add39dfaa9118ad290065359492df769",
    })
}

fn read(json: &Value) -> Result<PlainKey, KeyFileError> {
    match KeyFile::from_bytes(json.to_string().as_bytes())? {
        KeyFile::Plain(key) => Ok(key),
        KeyFile::Encrypted(_) => panic!("JSON is not encrypted"),
    }
}

fn without(fields: &[&str]) -> Value {
    let mut json = whole();
    fields.iter().for_each(|field| json[field] = Value::Null);
    json
}

#[test]
fn any_of_the_secrets_does() {
    let mut only = whole();
    only.as_object_mut().unwrap().retain(|field, _| field == "privateKey");
    for json in [
        whole(),
        without(&["secretPhrase"]),
        without(&["secretPhrase", "secretSeed"]),
        without(&[
            "privateKey",
            "secretSeed",
            "cryptoType",
            "ss58Address",
            "publicKey",
            "accountId",
        ]),
        only,
    ] {
        let key = read(&json).unwrap();
        assert_eq!(key.account().to_string(), ADDRESS);
        assert_eq!(key.into_keypair().unwrap().hotkey().to_string(), ADDRESS);
    }
}

#[test]
fn the_first_of_the_secrets_counts() {
    let mut json = whole();
    json["privateKey"] = "nonsense".into();
    json["secretSeed"] = "nonsense".into();
    assert!(read(&json).is_ok());
    json["secretPhrase"] = Value::Null;
    let error = read(&json).unwrap_err();
    assert_eq!(error, KeyFileError::Secret { field: "secretSeed", source: KeypairError::Seed });
}

#[test]
fn what_is_not_known_is_not_looked_at() {
    let mut json = whole();
    json["meta"] = json!({ "whenCreated": 1, "list": [[], {}, null, -1.5] });
    assert!(read(&json).is_ok());
    for key_type in [json!(1), json!("1"), json!("Sr25519"), Value::Null] {
        json["cryptoType"] = key_type;
        assert!(read(&json).is_ok());
    }
}

#[test]
fn an_address_alone_is_watched() {
    let key = read(&without(&["secretPhrase", "secretSeed", "privateKey"])).unwrap();
    assert!(key.is_watch_only());
    assert_eq!(key.account().to_string(), ADDRESS);
    assert_eq!(key.into_keypair().unwrap_err(), KeyFileError::WatchOnly);
}

#[test]
fn each_fault_is_named_and_no_secret_with_it() {
    let changed = |field: &str, value: Value| {
        let mut json = whole();
        json[field] = value;
        json.to_string()
    };
    let text = whole().to_string();
    let secret = |field, source| KeyFileError::Secret { field, source };
    let ed25519 = KeyFileError::KeyType("ed25519".to_owned());
    let other = |field| KeyFileError::OtherKey { field, secret: ADDRESS.parse().unwrap() };
    let alice = format!("0x{}", "d4".repeat(32));
    for (content, error) in [
        (String::new(), KeyFileError::Empty),
        (" \n".to_owned(), KeyFileError::Empty),
        (text[..text.len() / 2].to_owned(), KeyFileError::NotJson { line: 1, column: 282 }),
        ("toy surface".to_owned(), KeyFileError::NotJson { line: 1, column: 1 }),
        ("\"toy surface\"".to_owned(), KeyFileError::NotJson { line: 1, column: 1 }),
        ("[\"toy surface\"]".to_owned(), KeyFileError::NotJson { line: 1, column: 1 }),
        ("{\"toy surface\"}".to_owned(), KeyFileError::NotJson { line: 1, column: 15 }),
        ("{}".to_owned(), KeyFileError::NoKey),
        (changed("secretPhrase", json!(["toy"])), KeyFileError::NotString("secretPhrase")),
        (changed("secretPhrase", json!(7)), KeyFileError::NotString("secretPhrase")),
        (changed("secretPhrase", json!("toy")), secret("secretPhrase", KeypairError::WordCount(1))),
        (changed("cryptoType", json!(0)), ed25519.clone()),
        (changed("cryptoType", json!("ED25519")), ed25519),
        (changed("cryptoType", json!(2)), KeyFileError::KeyType("2".to_owned())),
        (changed("cryptoType", json!(-1)), KeyFileError::NotString("cryptoType")),
        (changed("ss58Address", json!(ALICE)), other("ss58Address")),
        (changed("publicKey", json!(alice)), other("publicKey")),
        (changed("accountId", json!(alice)), other("accountId")),
        ("$ANSIBLE_VAULT;1.1;AES256\n32".to_owned(), KeyFileError::OldEncryption("Ansible Vault")),
        ("gAAAAABmZm9v".to_owned(), KeyFileError::OldEncryption("Fernet")),
        ("$NACL and too little".to_owned(), KeyFileError::Torn),
    ] {
        let found = KeyFile::from_bytes(content.as_bytes()).unwrap_err();
        assert_eq!(found, error, "{content}");
        let shown = format!("{found} {found:?}");
        assert!(!shown.contains("toy"), "a secret was told: {shown}");
    }
    for field in ["ss58Address", "publicKey", "accountId"] {
        let error = KeyFile::from_bytes(changed(field, json!("5G")).as_bytes()).unwrap_err();
        assert!(matches!(error, KeyFileError::Address { .. }), "{error}");
    }
    let twice = text.replacen('{', "{\"secretPhrase\":\"toy\",", 1);
    let error = KeyFile::from_bytes(twice.as_bytes()).unwrap_err();
    assert!(matches!(error, KeyFileError::NotJson { .. }), "{error}");
}

#[test]
fn what_is_written_is_read() {
    let mnemonic = Mnemonic::generate().unwrap();
    let (secret, public) = write(&mnemonic);
    let KeyFile::Plain(key) = KeyFile::from_bytes(&secret).unwrap() else { panic!("plain") };
    let KeyFile::Plain(watched) = KeyFile::from_bytes(&public).unwrap() else { panic!("plain") };
    assert_eq!(key.account(), watched.account());
    assert!(watched.is_watch_only() && !key.is_watch_only());
    let fields = |bytes: &[u8]| -> Vec<String> {
        let json: Value = serde_json::from_slice(bytes).unwrap();
        json.as_object().unwrap().keys().cloned().collect()
    };
    let all: Vec<_> = whole().as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields(&secret), all);
    assert_eq!(fields(&public), ["accountId", "cryptoType", "publicKey", "ss58Address"]);
    // Each of the secrets by itself leads to the same key.
    let json: Value = serde_json::from_slice(&secret).unwrap();
    for others in [["secretSeed", "privateKey"], ["secretPhrase", "privateKey"]] {
        let mut json = json.clone();
        others.iter().for_each(|field| json[field] = Value::Null);
        assert!(read(&json).unwrap().into_keypair().is_ok());
    }
}

#[test]
fn an_encrypted_key_opens_with_its_password_alone() {
    let KeyFile::Encrypted(key) = KeyFile::from_bytes(ENCRYPTED).unwrap() else {
        panic!("it is encrypted");
    };
    let opened = key.open("correct horse battery staple").unwrap();
    assert_eq!(opened.account().to_string(), ADDRESS);
    assert_eq!(opened.into_keypair().unwrap().hotkey().to_string(), ADDRESS);
    assert_eq!(key.open("correct horse").unwrap_err(), KeyFileError::WrongPassword);
    let KeyFile::Encrypted(torn) = KeyFile::from_bytes(&ENCRYPTED[..600]).unwrap() else {
        panic!("it is encrypted");
    };
    let error = torn.open("correct horse battery staple").unwrap_err();
    assert_eq!(error, KeyFileError::WrongPassword);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = KeyFile::from_bytes(&bytes);
    }

    #[test]
    fn a_damaged_file_is_read_as_the_same_key_or_refused(
        cut in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let text = whole().to_string();
        let torn = &text[..cut.index(text.len())];
        prop_assert!(KeyFile::from_bytes(torn.as_bytes()).is_err());
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(KeyFile::Plain(key)) = KeyFile::from_bytes(&bytes) {
            prop_assert_eq!(key.account().to_string(), ADDRESS);
        }
    }
}
