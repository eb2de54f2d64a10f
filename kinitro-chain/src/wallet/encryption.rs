//! How Bittensor encrypts keys: NaCl's secretbox, with a key that Argon2i derives from the password
//! and a fixed salt (docs/spec/chain.md, section 4).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{Key, KeyInit, Nonce, XSalsa20Poly1305};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyFileError;

const SALT: [u8; 16] = *b"\x13q\x83\xdf\xf1Z\t\xbc\x9c\x90\xb5Q\x879\xe9\xb1";
const NONCE: usize = 24;
const TAG: usize = 16;

/// How many bytes longer the encrypted form is.
pub(super) const OVERHEAD: usize = NONCE + TAG;

/// Decrypts a nonce followed by a ciphertext.
pub(super) fn open(sealed: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(KeyFileError::Torn)?;
    let key = derive(password)?;
    let cipher = XSalsa20Poly1305::new(Key::from_slice(key.as_ref()));
    let opened = cipher.decrypt(Nonce::from_slice(nonce), sealed);
    opened.map(Zeroizing::new).map_err(|_| KeyFileError::WrongPassword)
}

fn derive(password: &str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    // The "sensitive" limits of libsodium.
    let params = Params::new(512 * 1024, 8, 1, Some(32)).expect("the parameters are in range");
    let mut blocks = Vec::<Block>::new();
    blocks.try_reserve_exact(params.block_count()).map_err(|_| KeyFileError::Memory)?;
    blocks.resize(params.block_count(), Block::new());
    let mut key = Zeroizing::new([0; 32]);
    let hashed = Argon2::new(Algorithm::Argon2i, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), &SALT, key.as_mut(), &mut blocks);
    blocks.iter_mut().for_each(Zeroize::zeroize);
    // The rest of what can be wrong is the length of the password: above 4 GiB.
    hashed.map(|()| key).map_err(|_| KeyFileError::WrongPassword)
}
