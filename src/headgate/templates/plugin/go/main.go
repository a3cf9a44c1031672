// Skeleton-name lets a request pass only if it carries every header of a JSON file, with the value given there.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"strings"
)

// rejected is the status that the preset "checker" of Headgate's filter "plugin" answers with 403.
const rejected = -1

type checker struct {
	wanted map[string]string
}

// Call answers one request of the proxy. Its headers' names may be in any case.
func (c *checker) Call(_ context.Context, request *Request) (*Response, error) {
	header := map[string]string{}
	for name, value := range request.GetHeader() {
		header[strings.ToLower(name)] = value
	}
	for name, value := range c.wanted {
		if header[strings.ToLower(name)] != value {
			return &Response{Status: rejected}, nil
		}
	}
	return &Response{}, nil
}

func load(path string) (*checker, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &checker{}
	return c, json.Unmarshal(text, &c.wanted)
}

func main() {
	path := flag.String("c", "checkconf.json", "JSON `file` with the headers that a request must carry")
	flag.Parse()
	log.SetFlags(0) // the proxy's log has the time
	c, err := load(*path)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("wanted: %d headers", len(c.wanted))
	Serve(c)
	log.Print("stopped")
}
