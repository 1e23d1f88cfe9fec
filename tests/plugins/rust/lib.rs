// SPDX-License-Identifier: MIT
//! A phase in Rust against the C header: words of a text, counted and turned round. The bindings are
//! written by hand out of foundry/plugin.h, as far as they are used; no crate is needed.
//!
//! A panic must not leave a plugin: it is built with `panic=abort`, so that one ends the worker and
//! the engine says so.

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_void};

type Status = i32;
type Outcome = i32;

const OK: Status = 0;
const E_NO_MEMORY: Status = -7;
const DONE: Outcome = 0;
const PERMANENT: Outcome = 3;
const CANCELLED: Outcome = 4;
const DOC_CONFIG: i32 = 0;
const LOG_INFO: i32 = 1;
const CONCURRENT: u32 = 2;
const ABI: u32 = 1; // 0.1

#[repr(C)]
pub struct Call {
    _opaque: [u8; 0],
}

/// The slots of foundry_host_t in their order; those that are not used here have no types.
type Slot = *const c_void;
#[repr(C)]
pub struct Host {
    struct_size: usize,
    abi: u32,
    reserved: u32,
    json_get: Slot,
    text_get: extern "C" fn(*mut Call, i32, *const c_char, *mut *const c_char) -> Status,
    number_get: extern "C" fn(*mut Call, i32, *const c_char, *mut f64) -> Status,
    size_get: Slot,
    key_get: Slot,
    json_set: extern "C" fn(*mut Call, *const c_char, *const c_char) -> Status,
    artifact_size: Slot,
    artifact_fd: Slot,
    artifact_read: Slot,
    artifact_write: Slot,
    confidence_set: extern "C" fn(*mut Call, *const c_char, f64) -> Status,
    confidence_get: Slot,
    origin_set: Slot,
    origin_get: Slot,
    clarify: Slot,
    fail: extern "C" fn(
        *mut Call,
        Outcome,
        *const c_char,
        *const c_char,
        *const c_char,
        u64,
    ) -> Outcome,
    progress: Slot,
    cancelled: extern "C" fn(*mut Call) -> i32,
    log: extern "C" fn(*mut Call, i32, *const c_char),
}

#[repr(C)]
pub struct Phase {
    struct_size: usize,
    name: *const c_char,
    summary: *const c_char,
    config_schema: *const c_char,
    output_schema: *const c_char,
    needs_json: *const c_char,
    threads: u32,
    flags: u32,
    create: Option<extern "C" fn(*const Host, *mut Call, *mut *mut c_void) -> Outcome>,
    process: Option<extern "C" fn(*mut c_void, *const Host, *mut Call) -> Outcome>,
    destroy: Option<extern "C" fn(*mut c_void)>,
}

#[repr(C)]
pub struct Plugin {
    struct_size: usize,
    abi: u32,
    abi_min: u32,
    id: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    phases: *const *const Phase,
    detectors: *const c_void,
}

/// Static data that is never written may be shared, though raw pointers are in it.
#[repr(transparent)]
pub struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

macro_rules! z {
    ($text:expr) => {
        concat!($text, "\0").as_ptr() as *const c_char
    };
}

/// What create() makes: an instance, owned by the host until destroy().
struct Words {
    least: f64,
}

extern "C" fn words_create(host: *const Host, call: *mut Call, made: *mut *mut c_void) -> Outcome {
    let mut words = Box::new(Words { least: 0.0 });
    // The host's table and the place for the result are good until this returns.
    let host = unsafe { &*host };
    let status = (host.number_get)(call, DOC_CONFIG, z!("/least"), &mut words.least);
    if status != OK {
        return status; // the box goes, nothing is left behind
    }
    unsafe { *made = Box::into_raw(words) as *mut c_void };
    DONE
}

extern "C" fn words_destroy(made: *mut c_void) {
    drop(unsafe { Box::from_raw(made as *mut Words) });
}

/// A JSON string literal of a text; None if it cannot be one in C.
fn quoted(text: &str) -> Option<CString> {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            control if (control as u32) < 0x20 => {
                json.push_str(&format!("\\u{:04x}", control as u32))
            }
            other => json.push(other),
        }
    }
    json.push('"');
    CString::new(json).ok()
}

fn count_and_turn(words: &Words, host: &Host, call: *mut Call) -> Result<Outcome, Status> {
    let check = |status: Status| if status == OK { Ok(()) } else { Err(status) };
    let mut text: *const c_char = std::ptr::null();
    check((host.text_get)(call, DOC_CONFIG, z!("/text"), &mut text))?;
    // Borrowed until this function returns, and UTF-8 by the contract.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let list: Vec<&str> = text.split_whitespace().collect();
    if (list.len() as f64) < words.least {
        return Ok((host.fail)(
            call,
            PERMANENT,
            z!("too_few_words"),
            z!("the text has fewer words than `least`"),
            z!("/text"),
            0,
        ));
    }
    if (host.cancelled)(call) != 0 {
        return Ok(CANCELLED);
    }
    let turned: Vec<&str> = list.iter().rev().copied().collect();
    let turned = quoted(&turned.join(" ")).ok_or(E_NO_MEMORY)?;
    let count = CString::new(list.len().to_string()).map_err(|_| E_NO_MEMORY)?;
    check((host.json_set)(call, z!("/words"), count.as_ptr()))?;
    check((host.json_set)(call, z!("/turned"), turned.as_ptr()))?;
    check((host.confidence_set)(call, z!("/words"), 1.0))?;
    (host.log)(call, LOG_INFO, z!("counted by Rust"));
    Ok(DONE)
}

extern "C" fn words_process(made: *mut c_void, host: *const Host, call: *mut Call) -> Outcome {
    let (words, host) = unsafe { (&*(made as *const Words), &*host) };
    count_and_turn(words, host, call).unwrap_or_else(|status| status)
}

static WORDS: Shared<Phase> = Shared(Phase {
    struct_size: std::mem::size_of::<Phase>(),
    name: z!("turn"),
    summary: z!("Count the words of a text and turn their order round"),
    config_schema: z!(concat!(
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"text\"],",
        "\"properties\":{\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},",
        "\"least\":{\"type\":\"integer\",\"minimum\":0,\"default\":1}}}"
    )),
    output_schema: z!(concat!(
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"words\",\"turned\"],",
        "\"properties\":{\"words\":{\"type\":\"integer\"},\"turned\":{\"type\":\"string\"}}}"
    )),
    needs_json: std::ptr::null(),
    threads: CONCURRENT,
    flags: 0,
    create: Some(words_create),
    process: Some(words_process),
    destroy: Some(words_destroy),
});

static PHASES: Shared<[*const Phase; 2]> = Shared([&WORDS.0, std::ptr::null()]);

static PLUGIN: Shared<Plugin> = Shared(Plugin {
    struct_size: std::mem::size_of::<Plugin>(),
    abi: ABI,
    abi_min: ABI,
    id: z!("rust-words"),
    version: z!("1.0.0"),
    summary: z!("Words, in Rust"),
    phases: &PHASES.0 as *const *const Phase,
    detectors: std::ptr::null(),
});

/// # Safety
/// Called by the host with its ABI; gives static data.
#[no_mangle]
pub extern "C" fn foundry_plugin_entry(host_abi: u32) -> *const Plugin {
    if host_abi >> 16 == ABI >> 16 {
        &PLUGIN.0
    } else {
        std::ptr::null()
    }
}
