// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fourteen `IOT_OTAG_*` commands of `IOT_OTA_Ioctl`.

use std::ffi::{c_char, c_void};

use otakit_core::phase::Phase;
use otakit_core::platform::aliyun::config::Config;

use crate::bindings::text;
use crate::hal::memory;
use crate::service::aliyun::{Content, Ota, OtaError};

/// `IOT_OTA_CmdType_t`, once its number is known to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    ConfigId,
    ConfigSize,
    Sign,
    SignMethod,
    Url,
    GetType,
    Type,
    FetchedSize,
    FileSize,
    Md5,
    Version,
    CheckFirmware,
    CheckConfig,
    Reset,
}

/// In the order of their numbers.
const COMMANDS: [Command; 14] = [
    Command::ConfigId,
    Command::ConfigSize,
    Command::Sign,
    Command::SignMethod,
    Command::Url,
    Command::GetType,
    Command::Type,
    Command::FetchedSize,
    Command::FileSize,
    Command::Md5,
    Command::Version,
    Command::CheckFirmware,
    Command::CheckConfig,
    Command::Reset,
];

/// Whether the command copies a text into the caller's buffer.
pub fn is_text(number: i32) -> bool {
    matches!(command(number), Some(Command::Md5 | Command::Version))
}

fn command(number: i32) -> Option<Command> {
    usize::try_from(number).ok().and_then(|n| COMMANDS.get(n)).copied()
}

/// Answers one command into `buf`.
///
/// # Safety
/// `buf` points to `len` bytes that nobody else uses during the call; for commands that return a text by pointer,
/// to a `char *`.
pub unsafe fn answer(ota: &Ota, number: i32, buf: *mut c_void, len: usize) -> Result<(), OtaError> {
    let phase = ota.session().phase();
    let content = match (phase, ota.content()) {
        (Phase::Idle, _) | (_, None) => return Err(OtaError::State),
        (_, Some(content)) => content,
    };
    let command = command(number).ok_or(OtaError::Invalid)?;
    // SAFETY: in each arm, as the caller promises.
    unsafe {
        match command {
            Command::ConfigId => give_text(buf, &config(&content)?.id),
            Command::Sign => give_text(buf, &config(&content)?.sign),
            Command::SignMethod => give_text(buf, &config(&content)?.sign_method),
            Command::Url => give_text(buf, &config(&content)?.offer.url),
            Command::GetType => give_text(buf, &config(&content)?.get_type),
            Command::ConfigSize => write_size(buf, len, config(&content)?.offer.size),
            Command::Type => write_u32(buf, len, ota_type(phase, &content)),
            Command::FetchedSize => {
                write_size(buf, len, ota.session().progress().map_or(0, |(fetched, _)| fetched))
            }
            Command::FileSize => write_size(buf, len, ota.session().progress().map_or(0, |(_, size)| size)),
            Command::Md5 => match &content {
                Content::Firmware(firmware) => {
                    write_text(buf, len, firmware.md5.as_deref().unwrap_or_default())
                }
                Content::Config(_) => Err(OtaError::Invalid),
            },
            Command::Version => match &content {
                Content::Firmware(firmware) => write_text(buf, len, &firmware.offer.version),
                Content::Config(_) => Err(OtaError::Invalid),
            },
            Command::CheckFirmware => match &content {
                Content::Firmware(_) => check(ota, buf, len),
                Content::Config(_) => Err(OtaError::Invalid),
            },
            Command::CheckConfig => config(&content).and_then(|_| check(ota, buf, len)),
            Command::Reset => ota.session().restart().map_err(OtaError::from),
        }
    }
}

fn config(content: &Content) -> Result<&Config, OtaError> {
    match content {
        Content::Config(config) => Ok(config),
        Content::Firmware(_) => Err(OtaError::Invalid),
    }
}

/// `IOT_OTA_Type_t`: what is being fetched; nothing once it has ended.
fn ota_type(phase: Phase, content: &Content) -> u32 {
    match (phase, content) {
        (Phase::Fetching, Content::Config(_)) => 1,
        (Phase::Fetching, Content::Firmware(_)) => 2,
        _ => 0,
    }
}

/// # Safety
/// As for [`answer`].
unsafe fn check(ota: &Ota, buf: *mut c_void, len: usize) -> Result<(), OtaError> {
    let out = aligned_u32(buf, len)?;
    let valid = ota.verdict()?;
    // SAFETY: checked above, or promised by the caller.
    unsafe { out.write(u32::from(valid)) };
    Ok(())
}

/// Exactly four bytes, aligned: firmware passes variables of 8 bytes with a length of 4, and relies on the upper half
/// staying what it is.
fn aligned_u32(buf: *mut c_void, len: usize) -> Result<*mut u32, OtaError> {
    let out = buf.cast::<u32>();
    if len == 4 && out.is_aligned() { Ok(out) } else { Err(OtaError::Invalid) }
}

/// # Safety
/// As for [`answer`].
unsafe fn write_u32(buf: *mut c_void, len: usize, value: u32) -> Result<(), OtaError> {
    // SAFETY: aligned and long enough, as checked; writable, as the caller promises.
    aligned_u32(buf, len).map(|out| unsafe { out.write(value) })
}

/// # Safety
/// As for [`answer`].
unsafe fn write_size(buf: *mut c_void, len: usize, size: u64) -> Result<(), OtaError> {
    aligned_u32(buf, len)?;
    let size = u32::try_from(size).map_err(|_| {
        crate::log!(Error, "ota", "size {size} does not fit in 32 bits: use otakit_linkkit_ota_size");
        OtaError::General
    })?;
    // SAFETY: as the caller promises.
    unsafe { write_u32(buf, len, size) }
}

/// # Safety
/// As for [`answer`].
unsafe fn write_text(buf: *mut c_void, len: usize, value: &str) -> Result<(), OtaError> {
    // SAFETY: as the caller promises.
    let out = unsafe { text::buffer(buf.cast::<c_char>(), len) }.ok_or(OtaError::Invalid)?;
    text::copy_truncated(value, out);
    Ok(())
}

/// Returns a copy made with `HAL_Malloc`, which the caller frees with `HAL_Free`. The caller's pointer must be NULL
/// before, as in the reference: a leak in the making is refused.
///
/// # Safety
/// `buf` points to a `char *`.
unsafe fn give_text(buf: *mut c_void, value: &str) -> Result<(), OtaError> {
    let out = buf.cast::<*mut c_char>();
    // SAFETY: alignment is checked, the caller promises the rest.
    if !out.is_aligned() || unsafe { !out.read().is_null() } {
        return Err(OtaError::Invalid);
    }
    let copy = memory::alloc_c_string(value.as_bytes()).ok_or(OtaError::NoMemory)?;
    // SAFETY: as above.
    unsafe { out.write(copy.as_ptr()) };
    Ok(())
}
