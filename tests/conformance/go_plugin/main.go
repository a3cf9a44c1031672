// Host runs a plugin as a proxy written in Go on hashicorp/go-plugin does: starts it, reads its handshake, opens the broker, calls it, and
// asks it to shut down. What it saw goes to the standard output as JSON.
//
//	host -calls 10000 COMMAND [ARGUMENT ...]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"
)

type report struct {
	Admin      int32  `json:"admin"`
	Guest      int32  `json:"guest"`
	Calls      int    `json:"calls"`
	Failed     int    `json:"failed"`
	FirstError string `json:"first_error"`
	Killed     bool   `json:"killed"`
	ExitCode   int    `json:"exit_code"`
}

// ask makes one call with a deadline.
func ask(client PluginClient, request *Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return client.Call(ctx, request)
}

// callMany makes the calls from several goroutines and notes those that failed.
func callMany(client PluginClient, calls int, seen *report) {
	const side = 8
	body := bytes.Repeat([]byte("body "), 2000)
	var group sync.WaitGroup
	var lock sync.Mutex
	for caller := 0; caller < side; caller++ {
		group.Add(1)
		go func(caller int) {
			defer group.Done()
			for number := caller; number < calls; number += side {
				request := &Request{Header: map[string]string{"user": "admin", "x-name": "größe"}, Trailer: map[string]string{"t": "1"}, Type: "check"}
				if number%100 == 0 {
					request.Body = body
				}
				answer, err := ask(client, request)
				lock.Lock()
				seen.Calls++
				if err != nil || answer.GetStatus() != 0 {
					seen.Failed++
					if err != nil {
						seen.FirstError = err.Error()
					}
				}
				lock.Unlock()
			}
		}(caller)
	}
	group.Wait()
}

func run(calls int, command *exec.Cmd) report {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  Handshake,
		Plugins:          map[string]plugin.Plugin{"plugin": &Bridge{}},
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SyncStderr:       os.Stderr,
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		log.Fatal(err)
	}
	dispensed, err := protocol.Dispense("plugin")
	if err != nil {
		log.Fatal(err)
	}
	caller := dispensed.(PluginClient)
	seen := report{}
	for user, into := range map[string]*int32{"admin": &seen.Admin, "guest": &seen.Guest} {
		answer, err := ask(caller, &Request{Header: map[string]string{"user": user}})
		if err != nil {
			log.Fatal(err)
		}
		*into = answer.GetStatus()
	}
	callMany(caller, calls, &seen)
	client.Kill()
	state := command.ProcessState.Sys().(syscall.WaitStatus)
	seen.Killed, seen.ExitCode = state.Signaled(), state.ExitStatus()
	return seen
}

func main() {
	calls := flag.Int("calls", 1000, "number of calls")
	flag.Parse()
	if flag.NArg() == 0 {
		log.Fatal("which plugin?")
	}
	if err := json.NewEncoder(os.Stdout).Encode(run(*calls, exec.Command(flag.Arg(0), flag.Args()[1:]...))); err != nil {
		log.Fatal(err)
	}
}
