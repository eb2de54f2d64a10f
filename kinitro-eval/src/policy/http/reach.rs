//! The addresses that the client may connect to.
//!
//! A miner supplies an address, and our machine connects to it. Without limits, miners could reach
//! what only our machine should: its own services, its network, its cloud's metadata service.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Resolves host names. The default is the machine's own resolver.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    /// When the host cannot be resolved.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
struct MachineResolver;

#[async_trait]
impl Resolver for MachineResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = tokio::net::lookup_host((host, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

/// The addresses that a policy server may have. A name is resolved each time a connection is
/// opened, and the connection goes only to addresses that passed the check.
#[derive(Clone)]
pub struct Reach {
    is_public_only: bool,
    is_https_only: bool,
    resolver: Arc<dyn Resolver>,
}

impl Reach {
    /// Any address. For your own policies.
    pub fn anywhere() -> Self {
        let resolver = Arc::new(MachineResolver);
        Self { is_public_only: false, is_https_only: false, resolver }
    }

    /// Addresses of the public internet only. For strangers' policies.
    pub fn public() -> Self {
        Self { is_public_only: true, ..Self::anywhere() }
    }

    /// The same, over HTTPS only.
    #[must_use]
    pub fn https_only(mut self) -> Self {
        self.is_https_only = true;
        self
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = resolver;
        self
    }

    pub(super) fn is_https_only(&self) -> bool {
        self.is_https_only
    }

    /// Fails for an address that is not allowed.
    pub(super) fn check(&self, address: IpAddr) -> Result<(), OutOfReach> {
        match not_public(address) {
            Some(class) if self.is_public_only => Err(OutOfReach { address, class }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("is_public_only", &self.is_public_only)
            .field("is_https_only", &self.is_https_only)
            .finish_non_exhaustive()
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let addresses = reach.resolver.resolve(name.as_str()).await?;
            let checked = addresses.iter().map(|&address| reach.check(address).map(|()| address));
            let (reachable, refused): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
            if let (true, Some(Err(refused))) = (reachable.is_empty(), refused.into_iter().next()) {
                return Err(Box::new(refused) as Box<dyn Error + Send + Sync>);
            }
            // The port is that of the URL.
            let reachable = reachable.into_iter().flatten();
            Ok(Box::new(reachable.map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// An address that is not allowed for a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its address {address} is {class}, and strangers' policies must be on the public internet")]
pub(super) struct OutOfReach {
    address: IpAddr,
    class: &'static str,
}

/// What kind of address this is, unless it is on the public internet. Not public are addresses in
/// IANA's special-purpose registries (RFC 6890 and its successors), and those that embed an IPv4
/// address, which may lead anywhere.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("of \"this network\""),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("private"),
        [100, 64..=127, ..] => Some("shared by the customers of a provider"),
        [127, ..] => Some("loopback"),
        [169, 254, ..] => Some("link-local"),
        [192, 0, 0, _] | [192, 88, 99, _] => Some("reserved for protocols"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("for documentation"),
        [198, 18..=19, ..] => Some("for benchmarks"),
        [224..=239, ..] => Some("multicast"),
        [240..=255, ..] => Some("reserved"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    const EMBEDDED: &str = "an IPv4 address in disguise";
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("no address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // ::a.b.c.d, ::ffff:a.b.c.d, ::ffff:0:a.b.c.d
        [0, 0, 0, 0, 0, _, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => Some(EMBEDDED),
        // NAT64, Teredo, 6to4, ISATAP
        [0x64, 0xff9b, ..] | [0x2001, 0, ..] | [0x2002, ..] => Some(EMBEDDED),
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => Some(EMBEDDED),
        [0xfc00..=0xfdff, ..] => Some("private"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("private"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("for documentation"),
        [0x2001, 0..=0x1ff, ..] => Some("reserved for protocols"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for (text, class) in [
            ("0.0.0.0", "this network"),
            ("10.1.2.3", "private"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.168.1.1", "private"),
            ("100.64.0.1", "provider"),
            ("100.127.255.255", "provider"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.169.254", "link-local"),
            ("192.0.0.170", "protocols"),
            ("198.18.0.1", "benchmarks"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "no address"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "disguise"),
            ("::ffff:8.8.8.8", "disguise"),
            ("::7f00:1", "disguise"),
            ("::ffff:0:10.0.0.1", "disguise"),
            ("64:ff9b::10.0.0.1", "disguise"),
            ("64:ff9b:1::10.0.0.1", "disguise"),
            ("2001:0:53aa:64c::1", "disguise"),
            ("2002:7f00:1::", "disguise"),
            ("2a00::5efe:10.0.0.1", "disguise"),
            ("2a00::200:5efe:10.0.0.1", "disguise"),
            ("fc00::1", "private"),
            ("fd12:3456::1", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "private"),
            ("ff02::1", "multicast"),
            ("2001:db8::1", "documentation"),
            ("100::1", "reserved"),
            ("5f00::1", "reserved"),
        ] {
            let found = not_public(text.parse().unwrap());
            assert!(found.is_some_and(|found| found.contains(class)), "{text}: {found:?}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111"] {
            assert_eq!(not_public(text.parse().unwrap()), None, "{text}");
        }
    }
}
