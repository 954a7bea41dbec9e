package workload

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Start says how a process of the workload is started.
type Start struct {
	Path string   // of the program
	Args []string // whole command line before those of the role, its name first
}

// role is what one process does, as an argument to it.
type role struct {
	Serve   string   `json:"serve,omitempty"`   // name of a server
	Network []string `json:"network,omitempty"` // what it listens to
	Dial    *Client  `json:"dial,omitempty"`
	Address string   `json:"address,omitempty"` // of the client's server
}

// Run runs a plan to its end and writes the entries of all its processes to w.
// The servers end when all clients have; ctx ends everything early.
func Run(ctx context.Context, start Start, plan []Client, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &lockedWriter{w: w}
	var servers, clients []*process
	addresses := map[string]string{} // by server and network
	err := func() error {
		for _, r := range serversOf(plan) {
			p, err := begin(ctx, start, r, out)
			if err != nil {
				return err
			}
			servers = append(servers, p)
			for _, network := range r.Network {
				if addresses[r.Serve+network], err = p.line(); err != nil {
					return fmt.Errorf("server %s: no address: %w", r.Serve, err)
				}
			}
			p.collect()
		}
		for i := range plan {
			p, err := begin(ctx, start, role{Dial: &plan[i], Address: addresses[plan[i].Server+plan[i].Network]}, out)
			if err != nil {
				return err
			}
			p.collect()
			clients = append(clients, p)
		}
		return nil
	}()
	if err != nil {
		cancel()
	}
	for _, p := range append(clients, servers...) { // the clients first
		err = errors.Join(err, p.end())
	}
	return errors.Join(err, out.err)
}

// serversOf returns the servers that a plan needs, in its order.
func serversOf(plan []Client) (list []role) {
	place := map[string]int{}
	seen := map[string]bool{}
	for _, c := range plan {
		i, known := place[c.Server]
		if !known {
			i = len(list)
			place[c.Server] = i
			list = append(list, role{Serve: c.Server})
		}
		if !seen[c.Server+c.Network] {
			seen[c.Server+c.Network] = true
			list[i].Network = append(list[i].Network, c.Network)
		}
	}
	return list
}

// process is one that Run started.
type process struct {
	*exec.Cmd
	name   string
	input  io.Closer // a server ends with it
	output *bufio.Reader
	errors bytes.Buffer
	out    io.Writer
	done   chan error // of collect, which runs iff it is not nil
}

func begin(ctx context.Context, start Start, r role, out io.Writer) (*process, error) {
	argument, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: exec.CommandContext(ctx, start.Path), name: r.Serve, out: out}
	if r.Dial != nil {
		p.name = r.Dial.Name
	}
	p.Args = append(append([]string{}, start.Args...), string(argument))
	p.Stderr = &p.errors
	if p.input, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.output = bufio.NewReader(output)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("process %s: %w", p.name, err)
	}
	return p, nil
}

func (p *process) line() (string, error) {
	text, err := p.output.ReadString('\n')
	return strings.TrimSpace(text), err
}

// collect passes the entries on, line by line, from now until the process ends.
func (p *process) collect() {
	p.done = make(chan error, 1)
	go func() {
		for {
			line, err := p.output.ReadBytes('\n')
			if err == nil {
				_, err = p.out.Write(line)
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				p.done <- err
				return
			}
		}
	}()
}

// end waits for the process. A client pays no attention to its input.
func (p *process) end() (err error) {
	p.input.Close()
	if p.done != nil {
		err = <-p.done
	}
	if e := p.Wait(); e != nil {
		err = errors.Join(err, fmt.Errorf("process %s: %w: %s", p.name, e, strings.TrimSpace(p.errors.String())))
	}
	return err
}

// lockedWriter lets several goroutines write whole lines.
type lockedWriter struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.w.Write(b)
	l.err = errors.Join(l.err, err)
	return n, err
}

// Play is a process of the workload: argument is what Run added to its command
// line. It prints to stdout, and ends with stdin where it is a server.
func Play(ctx context.Context, argument string, stdin io.Reader, stdout io.Writer) error {
	var r role
	if err := json.Unmarshal([]byte(argument), &r); err != nil {
		return fmt.Errorf("role %q: %w", argument, err)
	}
	if r.Dial == nil {
		rename(r.Serve)
		return serve(r, stdin, stdout)
	}
	rename(r.Dial.Name)
	return dial(ctx, r.Dial, r.Address, newLedger(r.Dial.Name, stdout))
}

// rename gives the process a name that lists of processes show (proc(5):
// /proc/self/comm). It is for the reader alone: where it cannot be, it is not.
func rename(name string) { _ = os.WriteFile("/proc/self/comm", []byte(name), 0) }
