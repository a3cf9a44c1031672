;; Lets a request through only if it carries the header "User: admin"; else it answers 403.
;; proxy-wasm ABI 0.2.1, by hand: what the SDKs for Rust, Go and AssemblyScript do for their users.
(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "user")
  (data (i32.const 32) "admin")
  (data (i32.const 48) "forbidden")
  ;; Where the host writes address (64) and length (68) of what it returns; what it allocates begins at 1024, anew for each request.
  (global $free (mut i32) (i32.const 1024))

  (func (export "proxy_abi_version_0_2_1"))

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    ;; More than there is: no memory. The host then tells the caller that the pointer is bad.
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 131072)) (then (return (i32.const 0))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func $is_admin (result i32)
    (local $at i32)
    (if (call $get (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 64) (i32.const 68)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load (i32.const 68)) (i32.const 5)) (then (return (i32.const 0))))
    (local.set $at (i32.load (i32.const 64)))
    (i32.and
      (i32.eq (i32.load (local.get $at)) (i32.load (i32.const 32)))
      (i32.eq (i32.load8_u offset=4 (local.get $at)) (i32.load8_u (i32.const 36)))))

  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (global.set $free (i32.const 1024))
    (if (call $is_admin) (then (return (i32.const 0))))
    (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 48) (i32.const 9) (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1))
)
