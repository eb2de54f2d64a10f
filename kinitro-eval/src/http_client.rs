//! What all HTTP clients of this crate share.

use std::error::Error;

use reqwest::{ClientBuilder, Response};

use crate::quote::quote;

/// A client of HTTP with the name of this program. It does not follow redirects: a key must not be
/// sent on to wherever an answer leads, and a stranger must not say what is asked next.
pub(crate) fn builder() -> ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .user_agent(concat!("kinitro/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
}

/// Gives rustls the cryptography of `ring`, unless the program has given it another.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// The body up to a number of bytes, and whether that is all of it.
pub(crate) async fn read_up_to(
    limit: usize,
    response: &mut Response,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// What lies at the bottom of an error, which says more than what is around it.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
    quote(innermost.as_bytes())
}

pub(crate) fn causes<'a>(
    error: &'a reqwest::Error,
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |&cause| cause.source())
}
