// A plain grpc-go server of /proto.Plugin/Call, for Headgate's client: it answers with what it was sent, in ways that the request's
// length asks for. It prints its address and runs until its standard input closes.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
)

// raw leaves messages as they are: what they mean is tested elsewhere.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "proto" }

// call reads the message as one byte that says what to do, and the rest.
func call(ctx context.Context, in []byte) ([]byte, error) {
	if len(in) == 0 {
		return in, nil
	}
	rest := in[1:]
	switch in[0] {
	case 's': // sleep for so many milliseconds, or until the call is cancelled
		select {
		case <-time.After(time.Duration(binary.BigEndian.Uint32(rest)) * time.Millisecond):
		case <-ctx.Done():
			fmt.Println("cancelled")
			return nil, ctx.Err()
		}
	case 'f':
		return nil, status.Error(codes.FailedPrecondition, "100% wrong\nü")
	case 'd': // what is left of the deadline, in milliseconds
		deadline, ok := ctx.Deadline()
		if !ok {
			return nil, status.Error(codes.Internal, "no deadline")
		}
		return binary.BigEndian.AppendUint32(nil, uint32(time.Until(deadline).Milliseconds())), nil
	case 'l': // a message of so many bytes
		return make([]byte, binary.BigEndian.Uint32(rest)), nil
	}
	return in, nil
}

func handler(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	var in []byte
	if err := decode(&in); err != nil {
		return nil, err
	}
	out, err := call(ctx, in)
	return &out, err
}

func main() {
	encoding.RegisterCodec(raw{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(1 << 30), grpc.MaxSendMsgSize(1 << 30)}
	if len(os.Args) > 1 && os.Args[1] == "small" { // small windows and few streams: much waiting
		options = append(options, grpc.InitialWindowSize(65535), grpc.InitialConnWindowSize(65535), grpc.MaxConcurrentStreams(5))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "proto.Plugin",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: handler}},
	}, struct{}{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		server.GracefulStop()
	}()
	fmt.Println(listener.Addr())
	if err := server.Serve(listener); err != nil {
		panic(err)
	}
}
