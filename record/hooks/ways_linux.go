package hooks

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// way is one of several in which the kernel may tell who sends and receives. All
// see the same; the first that a kernel allows is taken.
type way struct {
	name     string
	programs []string // of hooks.bpf.c; those that no way names are for all
	need     []string // hooks that the kernel must have
}

// calls are the functions that all who send and receive go through, and what
// follows each. inet_sendpage was there until Linux 6.4.
var (
	sending   = []string{"inet_sendmsg", "inet6_sendmsg", "inet_sendpage"}
	receiving = []string{"inet_recvmsg", "inet6_recvmsg", "tcp_splice_read"}
)

var ways = []way{
	{"tracepoints and fexit", []string{"socket_send", "socket_receive", "behind_tcp_splice_read"},
		[]string{"tp_btf/sock_send_length", "tp_btf/sock_recv_length", "fexit/tcp_splice_read"}},
	{"tracepoints", []string{"socket_send", "socket_receive", "socket_taken"},
		[]string{"tp_btf/sock_send_length", "tp_btf/sock_recv_length", "tp_btf/tcp_rcv_space_adjust"}},
	{"fexit", behind(sending, receiving), []string{"fexit/inet_sendmsg", "fexit/inet_recvmsg", "fexit/tcp_splice_read"}},
	{"kprobes", []string{"probe_call", "probe_sent", "probe_received"},
		[]string{"fexit/inet_sendmsg", "fexit/inet_recvmsg", "fexit/tcp_splice_read"}}, // the functions are there
}

// behind names the programs that follow functions.
func behind(lists ...[]string) (programs []string) {
	for _, list := range lists {
		for _, function := range list {
			programs = append(programs, "behind_"+function)
		}
	}
	return programs
}

// dispensable says what is not seen where a kernel lacks the hook of a program.
var dispensable = map[string]string{
	"process_rename": "new names of processes that execute no other program",
	"tcp_cookies":    "who uses a connection of multipath TCP (MPTCP) that was there before the recording",
}

// choose leaves the programs of one way in spec, of those that the kernel has hooks
// for, and returns what is not seen.
func choose(spec *ebpf.CollectionSpec, w way, kernel *btf.Spec, types *btf.Cache) (blind []string, err error) {
	for _, hook := range w.need {
		if !exists(kernel, hook) {
			return nil, fmt.Errorf("%w %s", errLacking, hook)
		}
	}
	for _, name := range w.programs {
		if p := spec.Programs[name]; p.AttachType == ebpf.AttachTraceFExit && exists(kernel, p.SectionName) {
			if err := follow(p.AttachTo, types); err != nil {
				return nil, fmt.Errorf("%s: %w", p.SectionName, err)
			}
			break // all or none
		}
	}
	keep := map[string]bool{}
	for _, name := range w.programs {
		keep[name] = true
	}
	for _, other := range ways {
		for _, name := range other.programs {
			if !keep[name] {
				delete(spec.Programs, name)
			}
		}
	}
	for name, p := range spec.Programs {
		if exists(kernel, p.SectionName) {
			continue
		}
		what, may := dispensable[name]
		if !may && !strings.HasPrefix(p.SectionName, "fexit/") {
			return nil, fmt.Errorf("%w %s", errLacking, p.SectionName)
		}
		if delete(spec.Programs, name); may {
			blind = append(blind, what)
		}
	}
	return blind, nil
}

// follow tells whether the kernel lets a program follow a function, before all are
// loaded: some kernels refuse any.
func follow(function string, types *btf.Cache) error {
	nothing := &ebpf.ProgramSpec{Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFExit, AttachTo: function,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}, License: "Dual MIT/GPL"}
	c, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{"nothing": nothing}}, ebpf.CollectionOptions{Cache: types})
	if err == nil {
		c.Close()
	}
	return err
}

// exists tells whether the kernel has what a section is attached to, by its type
// information; of control groups and kprobes that does not tell.
func exists(kernel *btf.Spec, section string) bool {
	kind, name, _ := strings.Cut(section, "/")
	var function *btf.Func
	var tracepoint *btf.Typedef
	switch kind {
	case "tp_btf":
		return kernel.TypeByName("btf_trace_"+name, &tracepoint) == nil
	case "fexit":
		return kernel.TypeByName(name, &function) == nil
	case "iter":
		return kernel.TypeByName("bpf_iter_"+name, &function) == nil
	}
	return true
}

// probes attaches the programs of the kprobes to every function that is there.
func (h *Hooks) probes() error {
	attach := func(functions []string, behind string) error {
		for _, f := range functions {
			call, err := link.Kprobe(f, h.collection.Programs["probe_call"], nil)
			if errors.Is(err, ebpf.ErrNotSupported) || err != nil && (f == "inet_sendpage" || strings.HasPrefix(f, "inet6_")) {
				continue
			}
			if err != nil {
				return fmt.Errorf("kprobe/%s: %w", f, err)
			}
			h.links = append(h.links, call)
			back, err := link.Kretprobe(f, h.collection.Programs[behind], nil)
			if err != nil {
				return fmt.Errorf("kretprobe/%s: %w", f, err)
			}
			h.links = append(h.links, back)
		}
		return nil
	}
	if err := attach(sending, "probe_sent"); err != nil {
		return err
	}
	return attach(receiving, "probe_received")
}
