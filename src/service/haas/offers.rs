// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the devices were offered, each for each of its modules: what is known of a URL or of a file that the application hands
//! back, and who can be asked for a fresh URL.

use std::sync::{Arc, Weak};

use otakit_core::digest::Expected;
use otakit_core::offer::Offer;
use otakit_core::platform::aliyun::module::Upgrade;

use super::{Device, Hub};

/// Most offers that are remembered of one device.
const MAX_OFFERS: usize = 32;

/// What a device was offered for one of its modules, last.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) device: Weak<Device>,
    pub(super) upgrade: Upgrade,
}

impl Known {
    pub(super) fn offer(&self) -> &Offer {
        &self.upgrade.firmware.offer
    }

    /// Whether both are checked by the same promises.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.offer().is_same_image(other.offer()) && self.offer().signature == other.offer().signature
    }
}

/// How well a device can be asked: not at all, later, now.
pub(super) fn rank(device: &Weak<Device>) -> u8 {
    match device.upgrade() {
        Some(device) if device.is_on_line() => 2,
        Some(device) if !device.ended.is_cancelled() => 1,
        _ => 0,
    }
}

impl Hub {
    pub(super) fn remember(&self, device: &Arc<Device>, upgrade: Upgrade) {
        let this = Arc::downgrade(device);
        let mut offers = self.offers.lock();
        offers.retain(|known| {
            known.device.strong_count() > 0
                && !(known.device.ptr_eq(&this) && known.upgrade.module == upgrade.module)
        });
        let own = |known: &Known| known.device.ptr_eq(&this);
        if offers.iter().filter(|known| own(known)).count() >= MAX_OFFERS
            && let Some(oldest) = offers.iter().position(own)
        {
            offers.remove(oldest);
        }
        offers.push(Known { device: this, upgrade });
    }

    /// The offers with this URL: first those of devices that are on line, the newest first.
    pub(super) fn offers_at(&self, url: &str) -> Vec<Known> {
        // (A device is looked at without the lock.)
        let offers = self.offers.lock();
        let mut known: Vec<_> =
            offers.iter().rev().filter(|known| known.offer().url == url).cloned().collect();
        drop(offers);
        known.sort_by_key(|known| std::cmp::Reverse(rank(&known.device)));
        known
    }

    /// The signatures that were offered with this size and digest, the newest first.
    pub(super) fn signatures_of(&self, size: u64, digest: &Expected) -> Vec<Vec<u8>> {
        let offers = self.offers.lock();
        let known = offers.iter().rev().map(Known::offer);
        known
            .filter(|offer| offer.size == size && offer.digest == *digest)
            .filter_map(|offer| offer.signature.clone())
            .collect()
    }
}
