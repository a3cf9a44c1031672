;; The demo in WASM, ABI 0.2.1. The plugin's configuration says who may pass; a route's own makes a root context of its own. X-Do makes it
;; fail, or never come to a verdict.
(module
  (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response" (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "user")
  (data (i32.const 32) "x-do")
  (data (i32.const 48) "forbidden\n")
  ;; 64, 68: address and length of what the host returns. From 1024: what it allocates, anew for each call. From 16384: for each root context
  ;; (by its number modulo 1024) length and first bytes of who may pass, 16 bytes each. From 65536: the root of each context, modulo 4096.
  (global $free (mut i32) (i32.const 1024))

  (func (export "proxy_abi_version_0_2_1"))

  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 16384)) (then (return (i32.const 0))))
    (global.set $free (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func $place (param $root i32) (result i32)
    (i32.add (i32.const 16384) (i32.mul (i32.and (local.get $root) (i32.const 1023)) (i32.const 16))))

  (func $root (param $context i32) (result i32)
    (i32.add (i32.const 65536) (i32.mul (i32.and (local.get $context) (i32.const 4095)) (i32.const 4))))

  (func (export "proxy_on_context_create") (param $context i32) (param $parent i32)
    (i32.store (call $root (local.get $context)) (local.get $parent)))

  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (global.set $free (i32.const 1024))
    (if (call $buffer (i32.const 7) (i32.const 0) (i32.const 8) (i32.const 64) (i32.const 68)) (then (return (i32.const 0))))
    (i32.store (call $place (local.get $root)) (i32.load (i32.const 68)))
    (i32.store offset=4 (call $place (local.get $root)) (i32.load (i32.load (i32.const 64))))
    (i32.const 1))

  ;; Length and first four bytes of a header are these.
  (func $is (param $name i32) (param $length i32) (param $bytes i32) (result i32)
    (if (call $get (i32.const 0) (local.get $name) (i32.const 4) (i32.const 64) (i32.const 68)) (then (return (i32.const 0))))
    (i32.and
      (i32.eq (i32.load (i32.const 68)) (local.get $length))
      (i32.eq (i32.load (i32.load (i32.const 64))) (local.get $bytes))))

  (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
    (local $wanted i32)
    (global.set $free (i32.const 1024))
    ;; "fail", and "neve" of "never", as numbers
    (if (call $is (i32.const 32) (i32.const 4) (i32.const 0x6c696166)) (then unreachable))
    (if (call $is (i32.const 32) (i32.const 5) (i32.const 0x6576656e)) (then (return (i32.const 1))))
    (local.set $wanted (call $place (i32.load (call $root (local.get $context)))))
    (if (call $is (i32.const 16) (i32.load (local.get $wanted)) (i32.load offset=4 (local.get $wanted))) (then (return (i32.const 0))))
    (drop (call $reply (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 48) (i32.const 10) (i32.const 0) (i32.const 0) (i32.const -1)))
    (i32.const 1)))
