package record

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// rings are one ring for each network namespace that is captured: a packet socket is of
// one. Packets of several come in the order of their blocks, those of each in the order
// of time.
type rings struct {
	list   []*ring
	poller *poller           // of all
	met    map[device]string // names of interfaces, as they were first asked for
}

func newRings(list []*ring) (*rings, error) {
	var descriptors []int
	for _, x := range list {
		descriptors = append(descriptors, x.fd)
	}
	poller, err := newPoller(descriptors...)
	if err != nil {
		return nil, ringError("wait", err)
	}
	return &rings{list: list, poller: poller, met: map[device]string{}}, nil
}

func (r *rings) read(timeout time.Duration, f func(*frame)) (bool, error) {
	if any, err := r.take(f); any || err != nil {
		return any, err
	}
	ready := func() bool { return slices.ContainsFunc(r.list, (*ring).ready) }
	if err := r.poller.wait(timeout, ready); err != nil {
		return false, ringError("wait", err)
	}
	return r.take(f)
}

// take reads what is ready.
func (r *rings) take(f func(*frame)) (any bool, err error) {
	for space, x := range r.list {
		more, err := x.read(0, func(p *frame) {
			p.space = space
			d := device{space, p.index}
			name, known := r.met[d]
			if !known {
				name = x.interfaceName(p.index)
				r.met[d] = name
			}
			p.name = name
			f(p)
		})
		if err != nil {
			return any, err
		}
		any = any || more
	}
	return any, nil
}

func (r *rings) interrupt() { r.poller.interrupt() }

func (r *rings) shut() error {
	var failed error
	for _, x := range r.list {
		failed = together(failed, x.shut())
	}
	return failed
}

func (r *rings) drops() (sum int64, err error) {
	for _, x := range r.list {
		n, failed := x.drops()
		sum, err = sum+n, together(err, failed)
	}
	return sum, err
}

func (r *rings) troubles() (damaged int64, down bool) {
	for _, x := range r.list {
		n, d := x.troubles()
		damaged, down = damaged+n, down || d
	}
	return damaged, down
}

func (r *rings) close() {
	for _, x := range r.list {
		x.close()
	}
	r.poller.close()
}

// interfaceName asks for the name of an interface in the ring's namespace, "" where it
// went.
func (r *ring) interfaceName(index int) string {
	request, err := unix.NewIfreq("lo") // any name: it is overwritten
	if err != nil {
		return ""
	}
	request.SetUint32(uint32(index))
	if unix.IoctlIfreq(r.fd, unix.SIOCGIFNAME, request) != nil {
		return ""
	}
	return request.Name()
}
