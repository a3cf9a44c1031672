//! The demo of tests/integration/runtimes/demo in Rust; the configuration is `{"user":"..."}`. `X-Do` makes it fail, or never come to a
//! verdict. Over headgate_filter.h, by hand; no crates.

use std::ffi::c_void;
use std::mem::size_of;
use std::slice;

const ABI_VERSION: u32 = 1 << 16;
const AFTER_ROUTE: u32 = 1;
const CONTINUE: i32 = 0;
const STOP: i32 = 1;
const LATER: i32 = 5;
const FAILED: i32 = -1;

/// `hg_module_info`.
#[repr(C)]
pub struct Info {
    size: u32,
    phase: u32,
    request_body: u32,
    response_body: u32,
    features: u64,
    version: [usize; 2],
}

/// `hg_head`.
#[repr(C)]
pub struct Head {
    size: u32,
    total: u32,
    field_count: u32,
    status: u32,
    method_length: u32,
    target_length: u32,
    scheme_length: u32,
    has_body: u32,
    body_length: u32,
    reserved: u32,
}

/// `hg_error`.
#[repr(C)]
pub struct Error {
    size: u32,
    length: u32,
    text: [u8; 504],
}

type Reply = unsafe extern "C" fn(*mut c_void, u32, *const c_void, usize, *const u8, usize) -> i32;
type LaterCreate = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// `hg_host`, up to what is used here.
#[repr(C)]
pub struct Host {
    size: u32,
    abi_version: u32,
    features: u64,
    before_reply: [*const c_void; 13],
    reply: Reply,
    before_later: [*const c_void; 9],
    later_create: LaterCreate,
}

pub struct Factory {
    host: *const Host,
    user: Vec<u8>,
}

static INFO: Info = Info {
    size: size_of::<Info>() as u32,
    phase: AFTER_ROUTE,
    request_body: 0,
    response_body: 0,
    features: 0,
    version: [0, 0],
};

/// The first value under a name; the head lives until the hook returns.
unsafe fn field<'a>(head: *const Head, wanted: &[u8]) -> Option<&'a [u8]> {
    let count = (*head).field_count as usize;
    let lengths = (head as *const u8).add((*head).size as usize) as *const u32;
    let names = slice::from_raw_parts(lengths, count);
    let lines = slice::from_raw_parts(lengths.add(count), count);
    let start = (*head).method_length + (*head).target_length + (*head).scheme_length;
    let mut at = (lengths.add(2 * count) as *const u8).add(start as usize);
    for (name, line) in names.iter().zip(lines) {
        let text = slice::from_raw_parts(at, *line as usize);
        if text[..*name as usize].eq_ignore_ascii_case(wanted) {
            return Some(&text[*name as usize + 2..]);
        }
        at = at.add(*line as usize);
    }
    None
}

unsafe fn say(error: *mut Error, text: &str) {
    let length = text.len().min((*error).size as usize - 2 * size_of::<u32>());
    (&mut (*error).text)[..length].copy_from_slice(&text.as_bytes()[..length]);
    (*error).length = length as u32;
}

#[no_mangle]
pub extern "C" fn headgate_abi_version() -> u32 {
    ABI_VERSION
}

#[no_mangle]
pub extern "C" fn headgate_module_info() -> *const Info {
    &INFO
}

/// # Safety
/// Called by Headgate only.
#[no_mangle]
pub unsafe extern "C" fn headgate_factory_create(host: *const Host, config: *const u8, length: usize, error: *mut Error) -> *mut Factory {
    let text = slice::from_raw_parts(config, length);
    match text.strip_prefix(b"{\"user\":\"").and_then(|rest| rest.strip_suffix(b"\"}")) {
        Some(user) => Box::into_raw(Box::new(Factory { host, user: user.to_vec() })),
        None => {
            say(error, "expected {\"user\": ...}");
            std::ptr::null_mut()
        }
    }
}

/// # Safety
/// Called by Headgate only, once for each factory.
#[no_mangle]
pub unsafe extern "C" fn headgate_factory_destroy(factory: *mut Factory) {
    drop(Box::from_raw(factory));
}

/// # Safety
/// Called by Headgate only.
#[no_mangle]
pub unsafe extern "C" fn headgate_on_request(
    factory: *mut Factory,
    _filter: *mut c_void,
    stream: *mut c_void,
    head: *const Head,
    error: *mut Error,
) -> i32 {
    let Factory { host, user } = &*factory;
    let host = &**host;
    match field(head, b"x-do") {
        Some(b"fail") => {
            say(error, "told to fail");
            return FAILED;
        }
        Some(b"never") => return if (host.later_create)(stream).is_null() { FAILED } else { LATER },
        _ => {}
    }
    if field(head, b"user") == Some(&user[..]) {
        return CONTINUE;
    }
    let body = b"forbidden\n";
    (host.reply)(stream, 403, std::ptr::null(), 0, body.as_ptr(), body.len());
    STOP
}
