//! Paths under /grpc/: a call or a stream to a cluster, whose outcome becomes the response.
//!
//! /grpc/call/METHOD?MESSAGE   /grpc/stream/METHOD?MESSAGE   /grpc/to/CLUSTER   /grpc/service/CLUSTER   /grpc/cancel   /grpc/close

use crate::Filter;
use proxy_wasm::traits::*;
use proxy_wasm::types::*;
use std::time::Duration;

const SERVICE: &str = "test.Echo";
const METADATA: [(&str, &[u8]); 3] = [("x-one", b"1"), ("X-Two", b"zwei"), ("x-raw-bin", b"\x00\x01\xff")];

/// Envoy's GrpcService with nothing but envoy_grpc.cluster_name.
fn service(cluster: &str) -> String {
    format!("\x0a{}\x0a{}{}", (cluster.len() + 2) as u8 as char, cluster.len() as u8 as char, cluster)
}

fn text(bytes: Option<Bytes>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).to_string()
}

/// Those that the test's server has set, and the status.
fn shown(fields: Vec<(String, Bytes)>) -> String {
    let mut found: Vec<String> = fields
        .into_iter()
        .filter(|(name, _)| name == ":status" || name == "grpc-status" || name == "grpc-message" || name.starts_with("x-t-"))
        .map(|(name, value)| format!("{}={}", name, String::from_utf8_lossy(&value)))
        .collect();
    found.sort();
    found.join(",")
}

impl Filter {
    pub fn start_grpc(&mut self, path: &str) {
        let (place, message) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = place.split('/').collect();
        let (kind, what) = (parts[2], parts.get(3).copied().unwrap_or(""));
        let cluster = match kind { "to" => what.to_string(), "service" => service(what), _ => "grpc".to_string() };
        let started = match kind {
            "stream" | "cancel" | "close" => {
                let method = if kind == "stream" { what } else { "Chat" };
                self.open_grpc_stream(&cluster, SERVICE, method, METADATA.to_vec()).map(|token| {
                    self.send_grpc_stream_message(token, Some(message.as_bytes()), what == "Count");
                    if kind == "close" { self.close_grpc_stream(token); }
                })
            }
            "call" => self.call(&cluster, what, message),
            _ => self.call(&cluster, "Say", "hello"),
        };
        if let Err(status) = started {
            self.send_http_response(418, vec![], Some(format!("not started: {}\n", status as u32).as_bytes()));
        }
        self.grpc = kind.to_string();
    }

    fn call(&self, cluster: &str, method: &str, message: &str) -> Result<(), Status> {
        let timeout = if method == "Sleep" { Duration::from_millis(200) } else { Duration::from_secs(5) };
        self.dispatch_grpc_call(cluster, SERVICE, method, METADATA.to_vec(), Some(message.as_bytes()), timeout).map(|_| ())
    }

    pub fn grpc_answer(&mut self, status: u32, size: usize) {
        let body = if size > 0 { text(self.get_grpc_call_response_body(0, size)) } else { String::new() };
        let (_, message) = self.get_grpc_status();
        // What a proxy says of its own failures is its own.
        let message = if status == 14 || status == 4 { String::new() } else { message.unwrap_or_default() };
        self.send_http_response(200, vec![("x-grpc", &status.to_string())], Some(format!("{} [{}]\n", body, message).as_bytes()));
    }

    pub fn grpc_event(&mut self, event: String) {
        self.events.push(event);
    }

    pub fn grpc_initial(&mut self) {
        let fields = shown(self.get_grpc_stream_initial_metadata());
        self.grpc_event(format!("initial {}", fields));
    }

    pub fn grpc_message(&mut self, token: u32, size: usize) {
        let message = text(self.get_grpc_stream_message(0, size));
        let seen = self.events.len();
        self.grpc_event(format!("message {}", message));
        if self.grpc == "cancel" {
            self.cancel_grpc_stream(token);
            self.finish();
        } else if message.starts_with("chat") && self.grpc == "stream" && seen <= 3 {
            self.send_grpc_stream_message(token, Some(b"more"), seen == 3);
        }
    }

    pub fn grpc_trailing(&mut self) {
        let fields = shown(self.get_grpc_stream_trailing_metadata());
        self.grpc_event(format!("trailing {}", fields));
    }

    pub fn grpc_end(&mut self, status: u32) {
        let (code, message) = self.get_grpc_status();
        self.grpc_event(format!("close {} {} {}", status, code, message.unwrap_or_default()));
        self.finish();
    }

    fn finish(&mut self) {
        let events = self.events.join("\n");
        self.send_http_response(200, vec![], Some(format!("{}\n", events).as_bytes()));
    }
}
