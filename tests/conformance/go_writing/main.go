// Writing is a plugin that writes to os.Stdout and os.Stderr while it serves, which go-plugin sends only to a host that asks for it. It is
// built with the files of examples/plugin_filter/go, in place of their main.go.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

type writing struct{}

// Call writes 4 KiB to os.Stderr, or what the header "Say" holds to os.Stdout.
func (writing) Call(_ context.Context, request *Request) (*Response, error) {
	if text := request.GetHeader()["Say"]; text != "" {
		fmt.Println(text)
		return &Response{}, nil
	}
	line := strings.Repeat("x", 63) + "\n"
	for i := 0; i < 64; i++ {
		if _, err := os.Stderr.WriteString(line); err != nil {
			return nil, err
		}
	}
	return &Response{}, nil
}

func main() {
	Serve(writing{})
}
