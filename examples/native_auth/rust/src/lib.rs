//! The auth filter as a shared object in Rust: a request passes only if it carries the headers that the configuration names.
//!
//!     cargo build --release && cp target/release/libauth.so auth.so

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::mem::size_of;
use std::slice;

const ABI_VERSION: u32 = 1 << 16;
const HOOK_ONLY: u64 = 1 << 1;
const CONTINUE: i32 = 0;
const STOP: i32 = 1;

/// `hg_head` of headgate_filter.h.
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

/// `hg_error` of headgate_filter.h.
#[repr(C)]
pub struct Error {
    size: u32,
    length: u32,
    text: [u8; 504],
}

/// `hg_module_info` of headgate_filter.h.
#[repr(C)]
pub struct Info {
    size: u32,
    phase: u32,
    request_body: u32,
    response_body: u32,
    features: u64,
    version: *const u8,
    version_length: usize,
}

unsafe impl Sync for Info {}

static INFO: Info = Info {
    size: size_of::<Info>() as u32,
    phase: 0,
    request_body: 0,
    response_body: 0,
    features: HOOK_ONLY,
    version: std::ptr::null(),
    version_length: 0,
};

type Reply = unsafe extern "C" fn(*mut c_void, u32, *const c_void, usize, *const u8, usize) -> i32;

/// `hg_host` of headgate_filter.h, up to what is used here.
#[repr(C)]
pub struct Host {
    size: u32,
    abi_version: u32,
    features: u64,
    before_reply: [*const c_void; 13],
    reply: Reply,
}

pub struct Factory {
    host: *const Host,
    rules: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Name and value of every field; the head lives until the hook returns.
unsafe fn fields<'a>(head: *const Head) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    let count = (*head).field_count as usize;
    let lengths = (head as *const u8).add((*head).size as usize) as *const u32;
    let names = slice::from_raw_parts(lengths, count);
    let lines = slice::from_raw_parts(lengths.add(count), count);
    let start = (*head).method_length + (*head).target_length + (*head).scheme_length;
    let mut at = (lengths.add(2 * count) as *const u8).add(start as usize);
    names.iter().zip(lines).map(move |(name, line)| {
        let text = slice::from_raw_parts(at, *line as usize);
        at = at.add(*line as usize);
        (&text[..*name as usize], &text[*name as usize + 2..])
    })
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
    match serde_json::from_slice::<BTreeMap<String, String>>(slice::from_raw_parts(config, length)) {
        Ok(rules) if !rules.is_empty() => {
            let rules = rules.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
            Box::into_raw(Box::new(Factory { host, rules }))
        }
        _ => {
            say(error, "expected {\"Header\": \"value\", ...}");
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
    _error: *mut Error,
) -> i32 {
    for (name, value) in &(*factory).rules {
        if !fields(head).any(|(n, v)| n.eq_ignore_ascii_case(name) && v == &value[..]) {
            let body = b"forbidden\n";
            ((*(*factory).host).reply)(stream, 403, std::ptr::null(), 0, body.as_ptr(), body.len());
            return STOP;
        }
    }
    CONTINUE
}
