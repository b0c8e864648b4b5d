// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams over the firmware's `HAL_TCP_*` and, by feature `hal-ssl`, `HAL_SSL_*`.

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use otakit_core::net::NetError;

use super::border::in_c;
use super::{ffi, gate, remedy};
use crate::cancel::CancellationToken;
use crate::log;
use crate::net::{Dial, Roots, Security, Stream, Target, trace};

/// How long to wait before asking a HAL again that came back with nothing although time was left.
const EARLY_RETURN_PAUSE: Duration = Duration::from_millis(2);

/// Dials through the HAL. Stateless: one value serves every thread.
///
/// TLS is done by `HAL_SSL_*` with the feature `hal-ssl`, else inside the library with the feature `tls`, else not.
#[derive(Clone, Copy, Debug, Default)]
pub struct HalDial;

impl Dial for HalDial {
    fn dial(
        &self,
        target: &Target,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Box<dyn Stream>, NetError> {
        let began = Instant::now();
        let Ok(host) = CString::new(target.host.as_str()) else {
            log!(Warning, "hal", "the host name holds a NUL byte");
            return Err(NetError::Connect);
        };
        if cancel.is_cancelled() {
            return Err(NetError::Cancelled);
        }
        match &target.security {
            Security::Plain => Ok(Box::new(establish_tcp(&host, target.port, began, timeout, cancel)?)),
            Security::Tls(roots) => dial_tls(&host, target, roots, began, timeout, cancel),
        }
    }
}

fn establish_tcp(
    host: &CStr,
    port: u16,
    began: Instant,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Connection<Tcp>, NetError> {
    let Some(_pass) = gate::enter() else { return Err(NetError::Cancelled) };
    errno::clear();
    // SAFETY: `host` is NUL-terminated and outlives the call.
    let handle = in_c(|| unsafe { ffi::HAL_TCP_Establish(host.as_ptr(), port) });
    let system = errno::since_cleared();
    Connection::accept(handle, began, timeout, cancel).map_err(|error| match (error, &system) {
        (NetError::Connect, Some(system)) => match system.raw_os_error() {
            Some(libc::ENODATA) => NetError::Name,
            Some(libc::EAGAIN) => NetError::NameServer,
            number => {
                trace::reason(system);
                if let Some(text) = number.and_then(remedy::of) {
                    trace::remedy(text);
                }
                error
            }
        },
        _ => error,
    })
}

#[cfg(feature = "hal-ssl")]
fn dial_tls(
    host: &CStr,
    target: &Target,
    roots: &Roots,
    began: Instant,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Box<dyn Stream>, NetError> {
    let Ok(pem) = roots.pem.as_deref().map(CString::new).transpose() else {
        log!(Error, "hal", "the certificate authority holds a NUL byte");
        return Err(NetError::BadRoots);
    };
    // The length counts the NUL, as PEM parsers in C ask for. Without a certificate the firmware's own ones count.
    let (ca, ca_len) =
        pem.as_ref().map_or((std::ptr::null(), 0), |pem| (pem.as_ptr(), pem.as_bytes_with_nul().len()));
    let ca_len = u32::try_from(ca_len).map_err(|_| NetError::BadRoots)?;
    let Some(_pass) = gate::enter() else { return Err(NetError::Cancelled) };
    // SAFETY: `host` is NUL-terminated; `ca` is NULL with length 0, or points to `ca_len` bytes that end in a NUL.
    // Both outlive the call.
    let handle = in_c(|| unsafe { ffi::HAL_SSL_Establish(host.as_ptr(), target.port, ca, ca_len) });
    Ok(Box::new(Connection::<Ssl>::accept(handle, began, timeout, cancel)?))
}

#[cfg(all(feature = "tls", not(feature = "hal-ssl")))]
fn dial_tls(
    host: &CStr,
    target: &Target,
    roots: &std::sync::Arc<Roots>,
    began: Instant,
    timeout: Duration,
    cancel: &CancellationToken,
) -> Result<Box<dyn Stream>, NetError> {
    let tcp = establish_tcp(host, target.port, began, timeout, cancel)?;
    crate::net::tls::connect(
        Box::new(tcp),
        &target.host,
        roots,
        timeout.saturating_sub(began.elapsed()),
        cancel,
    )
}

#[cfg(not(any(feature = "tls", feature = "hal-ssl")))]
fn dial_tls(
    _host: &CStr,
    target: &Target,
    _roots: &Roots,
    _began: Instant,
    _timeout: Duration,
    _cancel: &CancellationToken,
) -> Result<Box<dyn Stream>, NetError> {
    log!(Error, "hal", "{} asks for TLS, which this build does not have", target.host);
    Err(NetError::NoTls)
}

/// `errno` of a HAL function. One that has set none would show what another call left there, so it is cleared before.
mod errno {
    /// Forgets what is there.
    pub fn clear() {
        // SAFETY: the C library's pointer to this thread's own `errno`.
        #[cfg(target_os = "linux")]
        unsafe {
            *libc::__errno_location() = 0;
        }
    }

    /// What was set since; `None` where that cannot be known.
    pub fn since_cleared() -> Option<std::io::Error> {
        let error = std::io::Error::last_os_error();
        (cfg!(target_os = "linux") && error.raw_os_error() != Some(0)).then_some(error)
    }
}

/// What a family's functions return when a connection is broken.
const BROKEN: i32 = -2;

/// One family of HAL functions. Every handle given to them came from its own family and is still open.
trait Family: Send + 'static {
    fn read(handle: usize, buf: &mut [u8], timeout_ms: i32) -> i32;
    fn write(handle: usize, buf: &[u8], timeout_ms: i32) -> i32;
    fn destroy(handle: usize);
}

struct Tcp;

impl Family for Tcp {
    fn read(handle: usize, buf: &mut [u8], timeout_ms: i32) -> i32 {
        let Some(_pass) = gate::enter() else { return BROKEN };
        // SAFETY: the pointer is good for writes of the length given, which `clamp` keeps within the slice.
        in_c(|| unsafe {
            ffi::HAL_TCP_Read(handle, buf.as_mut_ptr().cast(), clamp(buf.len()) as u32, timeout_ms as u32)
        })
    }

    fn write(handle: usize, buf: &[u8], timeout_ms: i32) -> i32 {
        let Some(_pass) = gate::enter() else { return BROKEN };
        // SAFETY: the pointer is good for reads of the length given, which `clamp` keeps within the slice.
        in_c(|| unsafe {
            ffi::HAL_TCP_Write(handle, buf.as_ptr().cast(), clamp(buf.len()) as u32, timeout_ms as u32)
        })
    }

    fn destroy(handle: usize) {
        let Some(_pass) = gate::enter() else { return };
        // SAFETY: called once per handle, by `Connection::drop`.
        in_c(|| unsafe { ffi::HAL_TCP_Destroy(handle) });
    }
}

#[cfg(feature = "hal-ssl")]
struct Ssl;

#[cfg(feature = "hal-ssl")]
impl Family for Ssl {
    fn read(handle: usize, buf: &mut [u8], timeout_ms: i32) -> i32 {
        let Some(_pass) = gate::enter() else { return BROKEN };
        // SAFETY: as in `Tcp::read`.
        in_c(|| unsafe { ffi::HAL_SSL_Read(handle, buf.as_mut_ptr().cast(), clamp(buf.len()), timeout_ms) })
    }

    fn write(handle: usize, buf: &[u8], timeout_ms: i32) -> i32 {
        let Some(_pass) = gate::enter() else { return BROKEN };
        // SAFETY: as in `Tcp::write`.
        in_c(|| unsafe { ffi::HAL_SSL_Write(handle, buf.as_ptr().cast(), clamp(buf.len()), timeout_ms) })
    }

    fn destroy(handle: usize) {
        let Some(_pass) = gate::enter() else { return };
        // SAFETY: called once per handle, by `Connection::drop`.
        in_c(|| unsafe { ffi::HAL_SSL_Destroy(handle) });
    }
}

/// An open handle; closed when dropped.
struct Connection<F: Family> {
    handle: usize,
    family: PhantomData<F>,
}

impl<F: Family> Connection<F> {
    /// Takes what an Establish returned. A connection that came too late is closed again.
    fn accept(
        handle: usize,
        began: Instant,
        timeout: Duration,
        cancel: &CancellationToken,
    ) -> Result<Self, NetError> {
        // A handle may be a pointer, and on 32-bit systems one in the upper half is a good one: only what can be a
        // negated error number counts as failure.
        let failed = (-4095..=0).contains(&(handle as isize));
        let connection = (!failed).then(|| Self { handle, family: PhantomData });
        if cancel.is_cancelled() {
            return Err(NetError::Cancelled);
        }
        let connection = connection.ok_or(NetError::Connect)?;
        if began.elapsed() > timeout {
            return Err(NetError::Timeout);
        }
        Ok(connection)
    }
}

impl<F: Family> Drop for Connection<F> {
    fn drop(&mut self) {
        F::destroy(self.handle);
    }
}

impl<F: Family> Stream for Connection<F> {
    fn read(&mut self, buf: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        if buf.is_empty() {
            return Ok(0);
        }
        let began = Instant::now();
        errno::clear();
        match F::read(self.handle, buf, milliseconds(timeout)) {
            0 => {
                // Some HALs return at once although they were given time: callers that loop must not spin.
                std::thread::sleep(timeout.saturating_sub(began.elapsed()).min(EARLY_RETURN_PAUSE));
                Ok(0)
            }
            -1 => Err(NetError::Closed),
            n => explained(count(n, buf.len())),
        }
    }

    fn write_all(&mut self, buf: &[u8], timeout: Duration) -> Result<(), NetError> {
        let began = Instant::now();
        let mut rest = buf;
        while !rest.is_empty() {
            let left = timeout.saturating_sub(began.elapsed());
            errno::clear();
            let n = explained(count(F::write(self.handle, rest, milliseconds(left)), rest.len()))?;
            rest = rest.get(n..).ok_or(NetError::Broken)?;
            if !rest.is_empty() {
                let left = timeout.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return Err(NetError::Timeout);
                }
                if n == 0 {
                    std::thread::sleep(left.min(EARLY_RETURN_PAUSE));
                }
            }
        }
        Ok(())
    }
}

/// The number of bytes that a HAL says it moved; nonsense (more than there was room for) breaks the stream.
fn count(returned: i32, asked: usize) -> Result<usize, NetError> {
    usize::try_from(returned).ok().filter(|n| *n <= asked).ok_or(NetError::Broken)
}

/// Keeps the system's reason for a connection that broke.
fn explained(outcome: Result<usize, NetError>) -> Result<usize, NetError> {
    if outcome.is_err()
        && let Some(system) = errno::since_cleared()
    {
        trace::reason(system);
    }
    outcome
}

/// A length that fits the `int` of every HAL function.
fn clamp(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

/// Rounded up, so that the last part of a millisecond is waited for rather than spun through.
fn milliseconds(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
#[path = "tcp_tests.rs"]
mod tests;
