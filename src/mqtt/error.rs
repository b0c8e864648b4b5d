// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call failed.

use std::fmt;

use otakit_core::net::NetError;

/// Why no client came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// The connection could not be made, or broke before the server answered.
    Net(NetError),
    /// The server refused with this CONNACK code (never 0).
    Refused(u8),
    /// The server did not answer CONNECT in time.
    Timeout,
    /// The server answered with something else than CONNACK.
    Protocol,
    /// A string of the options is longer than MQTT allows.
    InvalidOptions,
    /// No thread could be started.
    Resources,
}

impl ConnectError {
    /// Whether another attempt may end differently without anybody changing anything.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Net(error) => error.is_transient(),
            Self::Timeout | Self::Protocol => true,
            Self::Refused(_) | Self::InvalidOptions | Self::Resources => false,
        }
    }
}

/// The name of a CONNACK code (MQTT 3.1.1, table 3.1).
pub fn connack(code: u8) -> &'static str {
    match code {
        0 => "accepted",
        1 => "unacceptable protocol version",
        2 => "identifier rejected",
        3 => "server unavailable",
        4 => "bad user name or password",
        5 => "not authorized",
        _ => "a code that MQTT 3.1.1 does not know",
    }
}

impl ConnectError {
    /// What to do about it, where that is known.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Net(error) => error.advice(),
            Self::Refused(1) => Some("the server must speak MQTT 3.1.1"),
            Self::Refused(2) => Some("check the client id"),
            Self::Refused(3) => Some("the server is overloaded or being serviced: try later"),
            Self::Refused(4) => {
                Some("check product key, device name and device secret, and this device's clock")
            }
            Self::Refused(5) => Some("check that the device is registered and enabled on the platform"),
            Self::Timeout | Self::Protocol => Some("check that an MQTT server listens on this port"),
            Self::Refused(_) | Self::InvalidOptions | Self::Resources => None,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error) => write!(f, "{error}"),
            Self::Refused(code) => write!(f, "refused by the server: CONNACK {code}, {}", connack(*code)),
            Self::Timeout => f.write_str("no answer to CONNECT"),
            Self::Protocol => f.write_str("the server does not speak MQTT 3.1.1"),
            Self::InvalidOptions => f.write_str("client id, user name or password too long"),
            Self::Resources => f.write_str("out of resources"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why a call on a client failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttError {
    /// The topic or filter is not acceptable.
    InvalidTopic,
    /// There is no connection now; the client is trying to get one.
    NotConnected,
    /// Only QoS 0 and 1 can be published.
    Qos,
    /// Too many requests are waiting for their acknowledgement.
    QueueFull,
    /// The packet would be larger than `Options::max_packet_out`.
    TooLarge,
    /// The network did not take the packet in time.
    Network,
    /// The answer did not come in time.
    Timeout,
    /// The client was disconnected by its owner.
    Closed,
    /// Called from inside a handler, where it cannot work.
    Reentrant,
}

impl fmt::Display for MqttError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidTopic => "invalid topic",
            Self::NotConnected => "not connected",
            Self::Qos => "QoS not supported",
            Self::QueueFull => "too many unacknowledged requests",
            Self::TooLarge => "packet too large",
            Self::Network => "the network does not take the packet",
            Self::Timeout => "no answer in time",
            Self::Closed => "client closed",
            Self::Reentrant => "called from inside a handler",
        })
    }
}

impl std::error::Error for MqttError {}
