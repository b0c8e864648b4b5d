// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the device model listens to and where it speaks.

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::platform::aliyun::identity::Device;

/// A kind of message from the cloud; each has its own topic filter per device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Down {
    /// Answers to properties and events.
    EventReply,
    /// Answer to a deletion of desired properties.
    DesiredDeleteReply,
    /// Answer to a query of desired properties.
    DesiredGetReply,
    /// Properties are asked for.
    PropertyGet,
    /// Properties are to be set.
    PropertySet,
    /// A service is called.
    Service,
    /// Answer to an update of tags.
    DeviceInfoUpdateReply,
    /// Answer to a deletion of tags.
    DeviceInfoDeleteReply,
    /// A description of the model; nothing here asks for one.
    DynamicTslReply,
    /// A service is called and somebody waits for the answer.
    Rrpc,
    /// The cloud's clock.
    Ntp,
    /// The cloud lost a sub-device's session.
    SessionError,
    /// Transparent data.
    RawDown,
    /// Answer to transparent data.
    RawUpReply,
    /// The platform tells something about the device, e.g. that a user bound it.
    Notice,
    /// Sub-devices were assigned to the gateway.
    TopoAddNotify,
    /// Sub-devices of a product may join.
    PermitJoin,
    /// Answer to a registration.
    RegisterReply,
    /// Answer to the end of one.
    UnregisterReply,
    /// Answer to a sub-device's joining.
    TopoAddReply,
    /// Answer to its leaving.
    TopoDeleteReply,
    /// The gateway's sub-devices.
    TopoGetReply,
    /// Answer to a report of sub-devices in sight.
    ListFoundReply,
    /// Answer to a sub-device's going on line.
    LoginReply,
    /// Answer to its going off line.
    LogoutReply,
    /// The device is disabled.
    Disable,
    /// The device is enabled again.
    Enable,
    /// The device was deleted.
    Delete,
}

impl Down {
    /// Desired properties and queries of properties, in the order of subscription.
    pub const SHADOW: [Self; 3] = [Self::DesiredDeleteReply, Self::DesiredGetReply, Self::PropertyGet];

    /// What every device listens to, in the order of subscription.
    pub const COMMON: [Self; 10] = [
        Self::PropertySet,
        Self::Service,
        Self::DeviceInfoUpdateReply,
        Self::DeviceInfoDeleteReply,
        Self::DynamicTslReply,
        Self::Rrpc,
        Self::Ntp,
        Self::SessionError,
        Self::RawDown,
        Self::RawUpReply,
    ];

    /// What a gateway listens to besides, in the order of subscription.
    pub const GATEWAY: [Self; 13] = [
        Self::TopoAddNotify,
        Self::PermitJoin,
        Self::RegisterReply,
        Self::UnregisterReply,
        Self::TopoAddReply,
        Self::TopoDeleteReply,
        Self::TopoGetReply,
        Self::ListFoundReply,
        Self::LoginReply,
        Self::LogoutReply,
        Self::Disable,
        Self::Enable,
        Self::Delete,
    ];

    /// What the cloud does to a device.
    pub const STATUS: [Self; 3] = [Self::Disable, Self::Enable, Self::Delete];

    /// The filter for one device.
    pub fn filter(self, device: &Device) -> String {
        let (pk, dn) = (&device.product_key, &device.device_name);
        let thing = |rest: &str| sys(device, &format!("thing/{rest}"));
        match self {
            Self::EventReply => thing("event/+/post_reply"),
            Self::DesiredDeleteReply => thing("property/desired/delete_reply"),
            Self::DesiredGetReply => thing("property/desired/get_reply"),
            Self::PropertyGet => thing("service/property/get"),
            Self::PropertySet => thing("service/property/set"),
            Self::Service => thing("service/+"),
            Self::DeviceInfoUpdateReply => thing("deviceinfo/update_reply"),
            Self::DeviceInfoDeleteReply => thing("deviceinfo/delete_reply"),
            Self::DynamicTslReply => thing("dynamicTsl/get_reply"),
            Self::Rrpc => sys(device, "rrpc/request/+"),
            Self::Ntp => format!("/ext/ntp/{pk}/{dn}/response"),
            Self::SessionError => format!("/ext/error/{pk}/{dn}"),
            Self::RawDown => thing("model/down_raw"),
            Self::RawUpReply => thing("model/up_raw_reply"),
            Self::Notice => sys(device, "_thing/event/notify"),
            Self::TopoAddNotify => thing("topo/add/notify"),
            Self::PermitJoin => thing("gateway/permit"),
            Self::RegisterReply => thing("sub/register_reply"),
            Self::UnregisterReply => thing("sub/unregister_reply"),
            Self::TopoAddReply => thing("topo/add_reply"),
            Self::TopoDeleteReply => thing("topo/delete_reply"),
            Self::TopoGetReply => thing("topo/get_reply"),
            Self::ListFoundReply => thing("list/found_reply"),
            Self::LoginReply => format!("/ext/session/{pk}/{dn}/combine/login_reply"),
            Self::LogoutReply => format!("/ext/session/{pk}/{dn}/combine/logout_reply"),
            Self::Disable => thing("disable"),
            Self::Enable => thing("enable"),
            Self::Delete => thing("delete"),
        }
    }

    /// What stands for the filter's `+` in `topic`: an event's, a service's or a call's name.
    pub fn name_in(self, device: &Device, topic: &str) -> Option<String> {
        let filter = self.filter(device);
        let (before, after) = filter.split_once('+')?;
        topic.strip_prefix(before)?.strip_suffix(after).map(str::to_owned)
    }
}

/// A topic of the device's `/sys` tree.
pub fn sys(device: &Device, rest: &str) -> String {
    format!("/sys/{}/{}/{rest}", device.product_key, device.device_name)
}

/// Where an event is sent; `property` is one.
pub fn event_post(device: &Device, event: &str) -> String {
    sys(device, &format!("thing/event/{event}/post"))
}

/// Where the cloud's clock is asked for.
pub fn ntp_request(device: &Device) -> String {
    format!("/ext/ntp/{}/{}/request", device.product_key, device.device_name)
}

/// Where a gateway lets sub-devices go on and off line.
pub fn session(gateway: &Device, what: &str) -> String {
    format!("/ext/session/{}/{}/combine/{what}", gateway.product_key, gateway.device_name)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn observed_filters_in_order() {
        let device = Device::new("PK", "DN").unwrap();
        let filters: Vec<String> =
            [Down::EventReply].iter().chain(&Down::COMMON).map(|down| down.filter(&device)).collect();
        assert_eq!(
            filters,
            [
                "/sys/PK/DN/thing/event/+/post_reply",
                "/sys/PK/DN/thing/service/property/set",
                "/sys/PK/DN/thing/service/+",
                "/sys/PK/DN/thing/deviceinfo/update_reply",
                "/sys/PK/DN/thing/deviceinfo/delete_reply",
                "/sys/PK/DN/thing/dynamicTsl/get_reply",
                "/sys/PK/DN/rrpc/request/+",
                "/ext/ntp/PK/DN/response",
                "/ext/error/PK/DN",
                "/sys/PK/DN/thing/model/down_raw",
                "/sys/PK/DN/thing/model/up_raw_reply",
            ]
        );
        for down in Down::GATEWAY.iter().chain(&Down::SHADOW).chain(&Down::COMMON) {
            let filter = down.filter(&device);
            assert!(filter.starts_with('/') && filter.contains("/PK/DN"), "{filter}");
        }
    }

    #[test]
    fn names_within_topics() {
        let device = Device::new("PK", "DN").unwrap();
        let name = |down: Down, topic: &str| down.name_in(&device, topic);
        assert_eq!(
            name(Down::EventReply, "/sys/PK/DN/thing/event/Error/post_reply").as_deref(),
            Some("Error")
        );
        assert_eq!(name(Down::Service, "/sys/PK/DN/thing/service/Reboot").as_deref(), Some("Reboot"));
        assert_eq!(name(Down::Rrpc, "/sys/PK/DN/rrpc/request/17").as_deref(), Some("17"));
        assert_eq!(name(Down::Rrpc, "/sys/PK/XX/rrpc/request/17"), None);
        assert_eq!(name(Down::RawDown, "/sys/PK/DN/thing/model/down_raw"), None);
    }
}
