// SPDX-License-Identifier: MIT OR Apache-2.0
//! What helps against an `errno` of connecting.

/// What to do when no connection came about and `HAL_TCP_Establish` left this in `errno`; `None` where it says no more than
/// that.
pub fn of(errno: i32) -> Option<&'static str> {
    Some(match errno {
        libc::EMFILE => {
            "this process has too many open files and sockets: close some, or raise its limit (ulimit -n)"
        }
        libc::ENFILE => {
            "this system has too many open files: find the program that holds them, or raise fs.file-max"
        }
        libc::ENOMEM | libc::ENOBUFS => "this system is out of memory for connections",
        libc::ENETUNREACH | libc::ENETDOWN => {
            "check this device's network: link, address, gateway; it has no route to this address"
        }
        libc::EHOSTUNREACH | libc::EHOSTDOWN => {
            "check that the host is on, the address, and the gateway: the network does not reach it"
        }
        libc::ECONNREFUSED => "check the address and the port, and that the server runs",
        libc::ECONNRESET | libc::ECONNABORTED => {
            "the host ended the connection at once: check the server, and firewalls on the way"
        }
        libc::ETIMEDOUT => "nothing answers: check the address and the port, and firewalls on the way",
        libc::EACCES | libc::EPERM => {
            "this device does not allow the connection: check its firewall and its security policy"
        }
        libc::EADDRNOTAVAIL | libc::EADDRINUSE => {
            "this device has no free port, or no address of its own, for this connection: check its network and how many \
             connections are open"
        }
        libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT => {
            "this device's network stack has not this version of IP: use an address or a name of the other version"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_advice() {
        // Of one row: the same cause. A word that the advice must have.
        let table: [(&[i32], &str); 11] = [
            (&[libc::EMFILE], "ulimit -n"),
            (&[libc::ENFILE], "fs.file-max"),
            (&[libc::ENOMEM, libc::ENOBUFS], "memory"),
            (&[libc::ENETUNREACH, libc::ENETDOWN], "no route"),
            (&[libc::EHOSTUNREACH, libc::EHOSTDOWN], "gateway"),
            (&[libc::ECONNREFUSED], "server runs"),
            (&[libc::ECONNRESET, libc::ECONNABORTED], "at once"),
            (&[libc::ETIMEDOUT], "nothing answers"),
            (&[libc::EACCES, libc::EPERM], "firewall"),
            (&[libc::EADDRNOTAVAIL, libc::EADDRINUSE], "no free port"),
            (&[libc::EAFNOSUPPORT, libc::EPROTONOSUPPORT], "version of IP"),
        ];
        let mut seen = std::collections::HashSet::new();
        for (numbers, word) in table {
            let texts: Vec<_> = numbers.iter().map(|number| of(*number).unwrap()).collect();
            assert!(texts.iter().all(|text| text.contains(word) && *text == texts[0]), "{texts:?}");
            assert!(seen.insert(texts[0]), "two causes, one advice: {}", texts[0]);
        }
        // The address is not to blame for what this device lacks.
        for number in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::EACCES] {
            assert!(!of(number).unwrap().contains("check the address"));
        }
        assert_eq!(of(0), None);
        assert_eq!(of(libc::EINVAL), None);
    }
}
