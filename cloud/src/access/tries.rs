// SPDX-License-Identifier: MIT OR Apache-2.0
//! How often somebody may try to sign in: a few times an address, and not too often altogether. Memory is bounded.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Tries of one address within [`WINDOW`].
const OF_ADDRESS: u32 = 10;
/// Tries of all unknown addresses together within [`WINDOW`].
const OF_ALL: usize = 200;
/// How long a try counts.
const WINDOW: Duration = Duration::from_secs(300);
/// Addresses remembered.
const ADDRESSES: usize = 4_096;
/// Addresses that signed in, which others cannot lock out.
const KNOWN: usize = 64;

/// The tries of late.
#[derive(Debug, Default)]
pub struct Tries {
    addresses: HashMap<IpAddr, (Instant, u32)>,
    all: VecDeque<Instant>,
    known: VecDeque<IpAddr>,
}

impl Tries {
    /// Counts a try. `Err`: it is one too many; how long to wait.
    pub fn begin(&mut self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let from = network(from);
        while self.all.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            self.all.pop_front();
        }
        if self.addresses.len() >= ADDRESSES {
            self.addresses.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        }
        let full = self.addresses.len() >= ADDRESSES;
        let wait = |since: Instant| WINDOW.saturating_sub(now.duration_since(since));
        match self.addresses.get_mut(&from) {
            Some((since, n)) if now.duration_since(*since) < WINDOW => {
                if *n >= OF_ADDRESS {
                    return Err(wait(*since));
                }
                *n += 1;
            }
            // Somebody with very many addresses: the limit for all counts.
            None if full => {}
            _ => drop(self.addresses.insert(from, (now, 1))),
        }
        if !self.known.contains(&from) {
            if self.all.len() >= OF_ALL {
                return Err(self.all.front().map_or(WINDOW, |first| wait(*first)));
            }
            self.all.push_back(now);
        }
        Ok(())
    }

    /// The try was right.
    pub fn succeeded(&mut self, from: IpAddr) {
        let from = network(from);
        self.addresses.remove(&from);
        self.known.retain(|known| *known != from);
        if self.known.len() >= KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(from);
    }
}

/// Whom an address stands for: who has one of IPv6 has 2^64 of them.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_address() {
        let (mut tries, start) = (Tries::default(), Instant::now());
        let (one, other): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..OF_ADDRESS {
            assert!(tries.begin(one, start).is_ok());
        }
        assert_eq!(tries.begin(one, start), Err(WINDOW));
        assert!(tries.begin("::ffff:192.0.2.1".parse().unwrap(), start).is_err(), "the same address");
        assert!(tries.begin(other, start).is_ok(), "others may");
        assert!(tries.begin(one, start + WINDOW).is_ok(), "later it may again");
        tries.succeeded(one);
        for _ in 0..OF_ADDRESS {
            assert!(tries.begin(one, start + WINDOW).is_ok());
        }
    }

    #[test]
    fn of_all_together() {
        let (mut tries, start) = (Tries::default(), Instant::now());
        let owner: IpAddr = "192.0.2.1".parse().unwrap();
        tries.begin(owner, start).unwrap();
        tries.succeeded(owner);
        let passed = (0..100_000_u128).filter(|n| {
            let address = IpAddr::V6(((0x2001_0db8_u128 << 96) + (n << 64)).into());
            tries.begin(address, start).is_ok()
        });
        assert_eq!(passed.count(), OF_ALL - 1);
        assert!(tries.addresses.len() <= ADDRESSES);
        assert!(tries.begin(owner, start).is_ok(), "who has signed in before is not locked out");
    }

    #[test]
    fn a_network_of_version_6_is_one() {
        let (mut tries, start) = (Tries::default(), Instant::now());
        let passed = (0..1000_u128)
            .filter(|n| tries.begin(IpAddr::V6(((0x2001_0db8_u128 << 96) + n).into()), start).is_ok());
        assert_eq!(u32::try_from(passed.count()).unwrap(), OF_ADDRESS);
    }
}
