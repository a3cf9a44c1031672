package main

import (
	"context"
	"testing"
)

func TestCall(t *testing.T) {
	c, err := load("checkconf.json")
	if err != nil {
		t.Fatal(err)
	}
	for user, status := range map[string]int32{"admin": 0, "guest": rejected, "": rejected} {
		for _, name := range []string{"User", "user"} {
			response, err := c.Call(context.Background(), &Request{Header: map[string]string{name: user}})
			if err != nil || response.GetStatus() != status {
				t.Errorf("%s %q: status %d, error %v", name, user, response.GetStatus(), err)
			}
		}
	}
}
