// Command conformance is a filter made with the Go SDK for proxy-wasm: headers, properties, bodies, local responses, HTTP calls, shared data.
package main

import (
	"strconv"
	"strings"

	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm"
	"github.com/proxy-wasm/proxy-wasm-go-sdk/proxywasm/types"
)

func main() {}

func init() {
	proxywasm.SetVMContext(&vm{})
}

type vm struct{ types.DefaultVMContext }

func (*vm) NewPluginContext(uint32) types.PluginContext { return &plugin{} }

type plugin struct {
	types.DefaultPluginContext
	configured string
}

func (p *plugin) OnPluginStart(int) types.OnPluginStartStatus {
	data, err := proxywasm.GetPluginConfiguration()
	if err != nil {
		return types.OnPluginStartStatusFailed
	}
	p.configured = string(data)
	return types.OnPluginStartStatusOK
}

func (p *plugin) NewHttpContext(uint32) types.HttpContext { return &filter{plugin: p} }

type filter struct {
	types.DefaultHttpContext
	plugin *plugin
}

func (f *filter) OnHttpRequestHeaders(_ int, end bool) types.Action {
	path, _ := proxywasm.GetHttpRequestHeader(":path")
	if !end {
		_ = proxywasm.RemoveHttpRequestHeader("content-length") // the body grows
	}
	switch {
	case strings.HasPrefix(path, "/call"):
		head := [][2]string{{":method", "GET"}, {":path", path}, {":authority", "auth.test"}}
		if _, err := proxywasm.DispatchHttpCall("auth", head, nil, nil, 2000, f.answered); err != nil {
			proxywasm.LogCritical(err.Error())
		}
		return types.ActionPause
	case path == "/deny":
		_ = proxywasm.SendHttpResponse(403, [][2]string{{"x-who", f.plugin.configured}}, []byte("denied"), -1)
		return types.ActionPause
	}
	fields, _ := proxywasm.GetHttpRequestHeaders()
	for _, field := range fields {
		if strings.HasPrefix(field[0], "x-echo") {
			_ = proxywasm.AddHttpRequestHeader("x-seen", field[0]+"="+field[1])
		}
	}
	if query, err := proxywasm.GetProperty([]string{"request", "query"}); err == nil {
		_ = proxywasm.AddHttpRequestHeader("x-query", string(query))
	}
	_ = proxywasm.RemoveHttpRequestHeader("x-drop")
	_ = proxywasm.ReplaceHttpRequestHeader("x-added", f.plugin.configured)
	return types.ActionContinue
}

func (f *filter) answered(_, size, _ int) {
	body, _ := proxywasm.GetHttpCallResponseBody(0, size)
	fields, _ := proxywasm.GetHttpCallResponseHeaders()
	for _, field := range fields {
		if field[0] == ":status" && field[1] != "200" {
			_ = proxywasm.SendHttpResponse(401, nil, body, -1)
			return
		}
	}
	_ = proxywasm.AddHttpRequestHeader("x-authorised", string(body))
	_ = proxywasm.ResumeHttpRequest()
}

func (f *filter) OnHttpRequestBody(size int, end bool) types.Action {
	if !end {
		return types.ActionPause
	}
	body, _ := proxywasm.GetHttpRequestBody(0, size)
	_ = proxywasm.ReplaceHttpRequestBody(append(body, "!"+strconv.Itoa(len(body))...))
	return types.ActionContinue
}

func (f *filter) OnHttpResponseHeaders(int, bool) types.Action {
	status, _ := proxywasm.GetHttpResponseHeader(":status")
	_ = proxywasm.AddHttpResponseHeader("x-status-was", status)
	_ = proxywasm.RemoveHttpResponseHeader("content-length")
	return types.ActionContinue
}

func (f *filter) OnHttpResponseBody(_ int, end bool) types.Action {
	if end {
		_ = proxywasm.AppendHttpResponseBody([]byte("."))
	}
	return types.ActionContinue
}
