// SPDX-License-Identifier: MIT OR Apache-2.0
//! `linkkit_export.h`: the description and the values in it.

use std::ffi::{c_char, c_int, c_void};

use super::super::{FAIL, SUCCESS};
use super::solo::no_description;
use super::solo_state::{self as state};
use crate::bindings::guard::guard;
use crate::bindings::text;
use crate::hal::memory;
use otakit_core::platform::aliyun::tsl::{Description, Fault, Kind, Scalar, Values};

/// `linkkit_method_set_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_method_set_t(pub c_int);

/// `linkkit_method_get_t`: any integer may come from C.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct linkkit_method_get_t(pub c_int);

/// Which of a description's values.
#[derive(Clone, Copy)]
enum Group {
    Properties,
    EventOutputs,
    ServiceInputs,
    ServiceOutputs,
}

impl Group {
    /// The values and the path in them: the name of the event or service is its first part.
    fn find<'a>(
        self,
        description: &'a mut Description,
        path: &'a str,
    ) -> Result<(&'a mut Values, &'a str), Fault> {
        if matches!(self, Self::Properties) {
            return Ok((&mut description.properties, path));
        }
        let (name, rest) = path.split_once('.').ok_or(Fault::Unknown)?;
        let values = match self {
            Self::EventOutputs => description.event(name).map(|event| &mut event.outputs),
            Self::ServiceInputs => description.service(name).map(|service| &mut service.inputs),
            _ => description.service(name).map(|service| &mut service.outputs),
        };
        values.map(|values| (values, rest)).ok_or(Fault::Unknown)
    }
}

/// Gives the device its description. The device's `thing_id`, or NULL when it cannot be read.
///
/// # Safety
/// `tsl` is NULL or points to `tsl_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_set_tsl(tsl: *const c_char, tsl_len: c_int) -> *mut c_void {
    guard("linkkit_set_tsl", std::ptr::null_mut(), || {
        // SAFETY: NULL, or so many bytes that stay unchanged during the call, as the caller says.
        let tsl = unsafe { text::bytes(tsl.cast(), tsl_len.into()) };
        let (Some(solo), Some(tsl)) = (state::current(), tsl) else { return std::ptr::null_mut() };
        match Description::decode(tsl) {
            Ok(description) => {
                let mut inner = solo.inner.lock();
                inner.description = Some(description);
                inner.created = true;
                state::thing().cast_mut()
            }
            Err(refusal) => {
                crate::log!(Error, "model", "linkkit_set_tsl: {refusal}");
                std::ptr::null_mut()
            }
        }
    })
}

/// Sets a value, from `value` or, where that is NULL, from `value_str`.
///
/// # Safety
/// The texts are NULL or NUL-terminated. `value` is NULL or points to what the value's type says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_set_value(
    method_set: linkkit_method_set_t,
    thing_id: *const c_void,
    identifier: *const c_char,
    value: *const c_void,
    value_str: *const c_char,
) -> c_int {
    guard("linkkit_set_value", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let path = unsafe { text::given(identifier) };
        let (Some(solo), Some(path)) = (state::of_thing(thing_id), path) else { return FAIL };
        let group = match method_set.0 {
            0 => Group::Properties,
            1 => Group::EventOutputs,
            2 => Group::ServiceOutputs,
            _ => return FAIL,
        };
        let mut inner = solo.inner.lock();
        let Some(description) = inner.description.as_mut() else {
            drop(inner);
            return no_description("linkkit_set_value");
        };
        let set = group.find(description, path).and_then(|(values, rest)| {
            if value.is_null() {
                // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
                let text = unsafe { text::text(value_str) }.ok_or(Fault::Type)?;
                return values.set_text(rest, text);
            }
            let kind = values.kind(rest)?.ok_or(Fault::Type)?;
            // SAFETY: not NULL, and of this type, as the caller says.
            values.set(rest, unsafe { read(kind, value) }?)
        });
        drop(inner);
        told("linkkit_set_value", path, set)
    })
}

fn told(call: &str, path: &str, outcome: Result<(), Fault>) -> c_int {
    match outcome {
        Ok(()) => SUCCESS,
        Err(fault) => {
            crate::log!(Error, "model", "{call}: {path}: {fault}");
            FAIL
        }
    }
}

/// Reads what C points to. It need not be aligned: firmware takes values out of packed messages.
///
/// # Safety
/// `value` points to an `int`, `float`, `double` or NUL-terminated text, as `kind` says.
unsafe fn read(kind: Kind, value: *const c_void) -> Result<Scalar, Fault> {
    // SAFETY: in each arm, of the type that the caller says.
    unsafe {
        Ok(match kind {
            Kind::Int | Kind::Enum | Kind::Bool => Scalar::Int(value.cast::<c_int>().read_unaligned()),
            Kind::Float => Scalar::Float(value.cast::<f32>().read_unaligned()),
            Kind::Double => Scalar::Double(value.cast::<f64>().read_unaligned()),
            Kind::Text(_) | Kind::Date => {
                Scalar::Text(text::text(value.cast::<c_char>()).ok_or(Fault::Type)?.to_owned())
            }
        })
    }
}

/// Reads a value, into `value`, as text into `value_str`, or both. Texts are allocated with `HAL_Malloc`.
///
/// # Safety
/// `identifier` is NULL or NUL-terminated. `value` is NULL or points to a variable of the value's type, `value_str` to one
/// for a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkkit_get_value(
    method_get: linkkit_method_get_t,
    thing_id: *const c_void,
    identifier: *const c_char,
    value: *mut c_void,
    value_str: *mut *mut c_char,
) -> c_int {
    guard("linkkit_get_value", FAIL, || {
        // SAFETY: NULL, or NUL-terminated and unchanged during the call, as the caller says.
        let path = unsafe { text::given(identifier) };
        let (Some(solo), Some(path), false) =
            (state::of_thing(thing_id), path, value.is_null() && value_str.is_null())
        else {
            return FAIL;
        };
        let group = match method_get.0 {
            0 => Group::Properties,
            1 => Group::EventOutputs,
            2 => Group::ServiceInputs,
            3 => Group::ServiceOutputs,
            _ => return FAIL,
        };
        let mut inner = solo.inner.lock();
        let Some(description) = inner.description.as_mut() else {
            drop(inner);
            return no_description("linkkit_get_value");
        };
        let found: Result<(Option<Scalar>, String), Fault> =
            group.find(description, path).and_then(|(values, rest)| {
                let scalar = if value.is_null() { None } else { Some(values.get(rest)?) };
                Ok((scalar, values.text(rest)?))
            });
        drop(inner);
        let (scalar, text) = match found {
            Ok(found) => found,
            Err(fault) => return told("linkkit_get_value", path, Err(fault)),
        };
        // SAFETY: each is NULL or a variable for what it gets, as the caller says.
        unsafe { give(scalar.as_ref(), value, &text, value_str) }
    })
}

/// # Safety
/// `value` can be written with `scalar`, or with a pointer to text, when there is one; `value_str` is NULL or can be written.
unsafe fn give(
    scalar: Option<&Scalar>,
    value: *mut c_void,
    text: &str,
    value_str: *mut *mut c_char,
) -> c_int {
    let mut copy = None;
    if !value_str.is_null() {
        copy = memory::alloc_c_string(text.as_bytes());
        if copy.is_none() {
            return FAIL;
        }
    }
    // SAFETY: in each arm, a variable of this type, as the caller says; it need not be aligned.
    unsafe {
        match scalar {
            None => {}
            Some(Scalar::Int(number)) => value.cast::<c_int>().write_unaligned(*number),
            Some(Scalar::Float(number)) => value.cast::<f32>().write_unaligned(*number),
            Some(Scalar::Double(number)) => value.cast::<f64>().write_unaligned(*number),
            Some(Scalar::Text(text)) => {
                let Some(own) = memory::alloc_c_string(text.as_bytes()) else {
                    if let Some(copy) = copy {
                        memory::free(copy);
                    }
                    return FAIL;
                };
                value.cast::<*mut c_char>().write_unaligned(own.as_ptr());
            }
        }
        if let Some(copy) = copy {
            value_str.write_unaligned(copy.as_ptr());
        }
    }
    SUCCESS
}
