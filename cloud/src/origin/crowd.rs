// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many connections one address may have at a time: nobody takes the places of all others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::access::tries::network;

/// The connections of each address.
#[derive(Debug)]
pub struct Crowd {
    most: usize,
    /// Who may have as many as there are: a proxy speaks for many.
    proxy: Option<IpAddr>,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    crowd: Arc<Crowd>,
    who: Option<IpAddr>,
}

impl Crowd {
    /// At most `most` for each address but the proxy's.
    pub fn new(most: usize, proxy: Option<IpAddr>) -> Arc<Self> {
        Arc::new(Self { most, proxy, counts: Mutex::default() })
    }

    /// A place for a connection of this address; `Err`: it has enough. The first refusal of a crowd is `true`.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Place, bool> {
        if self.proxy == Some(address.to_canonical()) {
            return Ok(Place { crowd: self.clone(), who: None });
        }
        let who = network(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(who).or_default();
        // One more than there may be notes that a refusal was told of.
        if *count >= self.most {
            let first = *count == self.most;
            *count = self.most + 1;
            return Err(first);
        }
        *count += 1;
        Ok(Place { crowd: self.clone(), who: Some(who) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(who) = self.who else {
            return;
        };
        let mut counts = self.crowd.counts.lock();
        if let Some(count) = counts.get_mut(&who) {
            *count = (*count).min(self.crowd.most).saturating_sub(1);
            if *count == 0 {
                counts.remove(&who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let crowd = Crowd::new(2, Some(address("192.0.2.9")));
        let one = crowd.enter(address("192.0.2.1")).unwrap();
        let two = crowd.enter(address("::ffff:192.0.2.1")).unwrap();
        assert!(crowd.enter(address("192.0.2.1")).unwrap_err(), "told of once");
        assert!(!crowd.enter(address("192.0.2.1")).unwrap_err());
        assert!(crowd.enter(address("192.0.2.2")).is_ok(), "others may");
        drop(one);
        let again = crowd.enter(address("192.0.2.1")).unwrap();
        assert!(crowd.enter(address("192.0.2.1")).unwrap_err());
        drop(again);
        let many: Vec<Place> = (0..5).map(|_| crowd.enter(address("192.0.2.9")).unwrap()).collect();
        assert_eq!(many.len(), 5, "a proxy speaks for many");
        let network: Vec<bool> = (0..4)
            .map(|n| crowd.enter(address(&format!("2001:db8::{n}"))).map(std::mem::forget).is_ok())
            .collect();
        assert_eq!(network, [true, true, false, false]);
        drop(two);
        assert!(!crowd.counts.lock().contains_key(&address("192.0.2.1")), "who left is forgotten");
    }
}
