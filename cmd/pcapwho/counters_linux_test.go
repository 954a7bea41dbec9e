package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// checkKernel holds that the kernel counted the same payload as the capture has, of every
// TCP connection.
func checkKernel(t *testing.T, all []connection) {
	t.Helper()
	connections, ends := 0, 0
	for _, c := range all {
		if c.Protocol != "tcp" {
			continue
		}
		connections++
		for _, end := range []struct {
			counted *int64
			have    int64
		}{{c.ClientSent, c.ClientUnique}, {c.ServerSent, c.ServerUnique}} {
			if end.counted == nil {
				continue
			}
			if ends++; *end.counted != end.have {
				t.Errorf("%s:%d: %d bytes, the kernel sent %d", c.ClientIP, c.ClientPort, end.have, *end.counted)
			}
		}
		if c.Captured != nil && *c.Captured != 1000 {
			t.Errorf("%s:%d: %d of 1000 are captured", c.ClientIP, c.ClientPort, *c.Captured)
		}
	}
	if ends < 2*connections-10 || connections == 0 {
		t.Errorf("the kernel told of %d ends of %d connections", ends, connections)
	}
}

// What a filter leaves out is missing in the share of a connection that the capture
// holds: here a message of 20,000 bytes, but not the answer of 100.
func TestCapturedShare(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	script := filepath.Join(dir, "exchange.py")
	if err := os.WriteFile(script, []byte(`import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname())
p, _ = s.accept()
c.sendall(b"x" * 20000)
n = 0
while n < 20000: n += len(p.recv(65536))
p.sendall(b"y" * 100)
c.recv(100)
c.close()
p.close()
`), 0o600); err != nil {
		t.Fatal(err)
	}
	inside(t, dir, fmt.Sprintf("pcapwho run -q -f 'less 1000' -o result.json -- %s %s", need.Tool(t, "python3"), script))
	var d document
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err == nil {
		err = json.Unmarshal(content, &d)
	}
	if err != nil || len(d.Connections) != 1 {
		t.Fatalf("%d connections: %v", len(d.Connections), err)
	}
	c := d.Connections[0]
	if c.ClientSent == nil || c.ServerSent == nil || c.Captured == nil {
		t.Fatalf("the kernel is not known: %s", content)
	}
	if *c.ClientSent != 20000 || *c.ServerSent != 100 || c.ClientUnique != 0 || c.ServerUnique != 100 || *c.Captured != 4 {
		t.Errorf("of %d and %d bytes the capture has %d and %d, %d of 1000", *c.ClientSent, *c.ServerSent, c.ClientUnique, c.ServerUnique, *c.Captured)
	}
}
