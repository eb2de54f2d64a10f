//! The rate limit of clients without the key.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The most clients to keep track of.
const MAX_CLIENTS: usize = 16_384;

/// A token bucket for each client. Each request takes a token; tokens are refilled over time.
#[derive(Debug)]
pub(super) struct RateLimiter {
    per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    seen: Instant,
}

impl RateLimiter {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, burst: 2.0 * per_second, buckets: Mutex::default() }
    }

    /// Takes a client's token, or returns how long until the next one is available.
    pub(super) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let client = network(client);
        if buckets.len() >= MAX_CLIENTS && !buckets.contains_key(&client) {
            // Full buckets need not be kept.
            let refill = Duration::from_secs_f64(self.burst / self.per_second);
            buckets.retain(|_, bucket| now.duration_since(bucket.seen) < refill);
            if buckets.len() >= MAX_CLIENTS {
                // So many active clients are a few people with many addresses; limiting each
                // address is useless.
                buckets.clear();
            }
        }
        let new = Bucket { tokens: self.burst, seen: now };
        let bucket = buckets.entry(client).or_insert(new);
        let passed = now.duration_since(bucket.seen).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_second).min(self.burst);
        bucket.seen = now;
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

/// An IPv4 address, or the /64 network of an IPv6 address, which usually belongs to one client.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let limiter = RateLimiter::new(10);
        let (start, client) = (Instant::now(), "192.0.2.1".parse().unwrap());
        let allowed = |at| (0..100).filter(|_| limiter.take(client, at).is_ok()).count();
        assert_eq!(allowed(start), 20);
        assert_eq!(allowed(start + Duration::from_millis(500)), 5);
        assert_eq!(allowed(start + Duration::from_secs(3600)), 20);
        let wait = limiter.take(client, start + Duration::from_secs(3600)).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert!(limiter.take("192.0.2.2".parse().unwrap(), start).is_ok());
    }

    #[test]
    fn one_network_is_one_client() {
        let limiter = RateLimiter::new(1);
        let now = Instant::now();
        let take = |client: &str| limiter.take(client.parse().unwrap(), now).is_ok();
        assert!(take("2001:db8::1") && take("2001:db8::2") && !take("2001:db8::3"));
        assert!(take("2001:db8:0:1::1"));
        assert!(take("192.0.2.1") && take("::ffff:192.0.2.1") && !take("192.0.2.1"));
    }

    #[test]
    fn many_addresses_fill_no_memory() {
        let limiter = RateLimiter::new(1);
        let now = Instant::now();
        for number in 0..3 * MAX_CLIENTS as u32 {
            let _ = limiter.take(IpAddr::V4(number.into()), now);
        }
        assert!(limiter.buckets.lock().unwrap().len() <= MAX_CLIENTS);
    }
}
