//! Exercises the SDK: configuration, headers, properties, bodies, local responses, HTTP and gRPC calls, panics.

mod grpc;

use log::info;
use proxy_wasm::traits::*;
use proxy_wasm::types::*;
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root { prefix: String::new() }) });
}}

struct Root { prefix: String }
impl Context for Root {}
impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.prefix = String::from_utf8(self.get_plugin_configuration().unwrap_or_default()).unwrap();
        info!("configured {}", self.prefix);
        true
    }
    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter { id, prefix: self.prefix.clone(), grpc: String::new(), events: vec![] }))
    }
    fn get_type(&self) -> Option<ContextType> { Some(ContextType::HttpContext) }
}
struct Filter { #[allow(dead_code)] id: u32, prefix: String, grpc: String, events: Vec<String> }
impl Context for Filter {
    fn on_http_call_response(&mut self, _: u32, headers: usize, body: usize, _: usize) {
        let text = self.get_http_call_response_body(0, body).unwrap_or_default();
        let status = self.get_http_call_response_header(":status").unwrap_or_default();
        if status == "200" {
            self.set_http_request_header("x-authorised", Some(&format!("{}-{}", text.len(), headers > 0)));
            self.resume_http_request();
        } else {
            self.send_http_response(401, vec![("x-why", &status)], Some(b"not authorised\n"));
        }
    }
    fn on_grpc_call_response(&mut self, _: u32, status: u32, size: usize) { self.grpc_answer(status, size); }
    fn on_grpc_stream_initial_metadata(&mut self, _: u32, _: u32) { self.grpc_initial(); }
    fn on_grpc_stream_message(&mut self, token: u32, size: usize) { self.grpc_message(token, size); }
    fn on_grpc_stream_trailing_metadata(&mut self, _: u32, _: u32) { self.grpc_trailing(); }
    fn on_grpc_stream_close(&mut self, _: u32, status: u32) { self.grpc_end(status); }
}
impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let path = self.get_http_request_header(":path").unwrap_or_default();
        if path.starts_with("/call") {
            self.set_http_request_header("content-length", None); // the body grows
            self.dispatch_http_call("auth", vec![(":method", "GET"), (":path", &path), (":authority", "auth.test")], None, vec![], Duration::from_secs(2)).unwrap();
            return Action::Pause;
        }
        if path.starts_with("/grpc/") {
            self.start_grpc(&path);
            return Action::Pause;
        }
        if path == "/panic" { panic!("asked for"); }
        if path == "/deny" {
            self.send_http_response(403, vec![("x-a", "1"), ("x-a", "2"), ("x-who", &self.prefix)], Some(b"denied\n"));
            return Action::Pause;
        }
        if let Some(q) = self.get_property(vec!["request", "query"]) {
            self.set_http_request_header("x-query", Some(&String::from_utf8_lossy(&q)));
        }
        if let Some(q) = self.get_property(vec!["request", "headers", "user-agent"]) {
            self.set_http_request_header("x-ua", Some(&String::from_utf8_lossy(&q)));
        }
        for (name, value) in self.get_http_request_headers() {
            if name.starts_with("x-echo") { self.add_http_request_header("x-seen", &format!("{}={}", name, value)); }
        }
        self.set_http_request_header("x-drop", None);
        self.set_http_request_header("x-added", Some(&self.prefix));
        self.set_http_request_header("content-length", None);
        if path.starts_with("/rewrite") { self.set_http_request_header(":path", Some("/rewritten?by=wasm")); }
        Action::Continue
    }
    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !end { return Action::Pause; }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        let text = String::from_utf8_lossy(&body).to_uppercase();
        self.set_http_request_body(0, size, format!("{}!", text).as_bytes());
        Action::Continue
    }
    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let status = self.get_http_response_header(":status").unwrap_or_default();
        self.set_http_response_header("x-status-was", Some(&status));
        self.set_http_response_header("content-length", None);
        if status == "404" { self.set_http_response_header(":status", Some("410")); }
        Action::Continue
    }
    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !end { return Action::Pause; }
        let body = self.get_http_response_body(0, size).unwrap_or_default();
        self.set_http_response_body(0, size, format!("[{}]", String::from_utf8_lossy(&body)).as_bytes());
        Action::Continue
    }
}
