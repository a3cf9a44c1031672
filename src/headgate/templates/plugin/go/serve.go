// What makes a process of a service: Headgate (or MOSN) starts the program and calls it. Handshake, gRPC server, health service and
// shutdown are hashicorp/go-plugin's. The messages, in plugin.pb.go and plugin_grpc.pb.go, are generated from the plugin.proto that comes
// with Headgate (src/headgate/plugin/plugin.proto):
//
//	protoc --go_out=. --go_opt='Mplugin.proto=.;main' --go-grpc_out=. --go-grpc_opt='Mplugin.proto=.;main' plugin.proto
package main

import (
	"context"
	"log"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// Service answers calls. They arrive side by side, each in a goroutine of its own; the context ends with the caller's deadline.
type Service interface {
	Call(ctx context.Context, request *Request) (*Response, error)
}

// Handshake is what proxy and plugin have to agree on. Run by hand, the program misses the cookie, says that it is a plugin, and exits.
var Handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "MOSN_PLUGIN", MagicCookieValue: "ON"}

// Serve answers calls until the proxy asks for the end, and returns then.
//
// What the service writes to os.Stdout and os.Stderr ends in the proxy's log, as what it logs with the package log does. Under MOSN only
// the latter does: from here on go-plugin has os.Stdout and os.Stderr lead elsewhere, and MOSN does not ask for what goes there.
func Serve(service Service) {
	if processes, err := strconv.Atoi(os.Getenv("MOSN_PROCS")); err == nil && processes > 0 {
		runtime.GOMAXPROCS(processes)
	}
	go exitWithParent(os.Getppid())
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         map[string]plugin.Plugin{"plugin": &Bridge{service: service}},
		GRPCServer:      plugin.DefaultGRPCServer,
	})
}

// exitWithParent ends the process when its parent is gone.
func exitWithParent(parent int) {
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	log.Print("the proxy is gone")
	os.Exit(0)
}

// Bridge connects a service with go-plugin.
type Bridge struct {
	plugin.NetRPCUnsupportedPlugin
	UnimplementedPluginServer
	service Service
}

// Call is /proto.Plugin/Call.
func (b *Bridge) Call(ctx context.Context, request *Request) (*Response, error) {
	return b.service.Call(ctx, request)
}

// GRPCServer registers the service in the plugin's process.
func (b *Bridge) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	RegisterPluginServer(server, b)
	return nil
}

// GRPCClient makes a client in the process of a proxy that is written in Go.
func (b *Bridge) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn) (interface{}, error) {
	return NewPluginClient(connection), nil
}
