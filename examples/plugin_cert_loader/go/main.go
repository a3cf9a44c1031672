// Loader hands out a certificate, its key and a CA's certificate. They are read anew for each call, so changed files are taken up.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"path/filepath"
)

// loader has cert.pem, key.pem and ca.pem in its folder.
type loader struct {
	folder string
}

// Call is asked without anything; the answer's body is JSON.
func (l *loader) Call(context.Context, *Request) (*Response, error) {
	files := map[string]string{}
	for _, name := range []string{"cert", "key", "ca"} {
		text, err := os.ReadFile(filepath.Join(l.folder, name+".pem"))
		if err != nil {
			return nil, err
		}
		files[name+"_pem"] = string(text)
	}
	body, err := json.Marshal(files)
	return &Response{Body: body}, err
}

func main() {
	folder := flag.String("d", "certs", "`folder` with cert.pem, key.pem, ca.pem")
	flag.Parse()
	log.SetFlags(0) // the proxy's log has the time
	Serve(&loader{folder: *folder})
	log.Print("stopped")
}
