package workload

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	headerLength = 8
	maxDatagram  = 1400 // of payload, one packet everywhere
	patience     = 10 * time.Second
)

// dial makes the connections of a client, some at a time.
func dial(ctx context.Context, c *Client, address string, l *ledger) error {
	if c.Request < headerLength || c.Reply < 0 || strings.HasPrefix(c.Network, "udp") && max(c.Request, c.Reply) > maxDatagram {
		return fmt.Errorf("client %s: a round of %d and %d bytes is not possible", c.Name, c.Request, c.Reply)
	}
	var wait sync.WaitGroup
	turns := make(chan struct{}, c.Connections)
	for range c.Connections {
		turns <- struct{}{}
	}
	close(turns)
	failures := make(chan error, c.Parallel)
	for range c.Parallel {
		wait.Go(func() {
			var err error
			for range turns {
				err = errors.Join(err, converse(ctx, c, address, l))
			}
			failures <- err
		})
	}
	wait.Wait()
	close(failures)
	err := l.close()
	for e := range failures {
		err = errors.Join(err, e)
	}
	return err
}

// converse is one connection.
func converse(ctx context.Context, c *Client, address string, l *ledger) (err error) {
	var d net.Dialer
	d.SetMultipathTCP(false)
	s, err := d.DialContext(ctx, c.Network, address)
	if err != nil {
		return err
	}
	defer s.Close()
	begin := time.Now()
	e := Entry{Protocol: c.Network[:3], Local: addrPort(s.LocalAddr()), Remote: addrPort(s.RemoteAddr()), Begin: begin.UnixNano()}
	request, reply := make([]byte, c.Request), make([]byte, c.Reply)
	binary.BigEndian.PutUint32(request, uint32(c.Request))
	binary.BigEndian.PutUint32(request[4:], uint32(c.Reply))
	for round := range c.Rounds {
		due := begin.Add(c.Hold * time.Duration(round+1) / time.Duration(c.Rounds+1))
		pause(ctx, time.Until(due))
		if err := s.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		n, err := s.Write(request)
		e.Sent += int64(n)
		if err != nil {
			return err
		}
		n, err = io.ReadFull(s, reply)
		e.Received += int64(n)
		if err != nil {
			return err
		}
	}
	pause(ctx, time.Until(begin.Add(c.Hold)))
	e.End = time.Now().UnixNano()
	if err := hangUp(s); err != nil {
		return err
	}
	l.book(e)
	return ctx.Err()
}

// hangUp says that nothing more comes, and waits for the other end to say so.
func hangUp(s net.Conn) error {
	t, ok := s.(*net.TCPConn)
	if !ok {
		return nil
	}
	if err := t.CloseWrite(); err != nil {
		return err
	}
	if n, err := io.Copy(io.Discard, t); err != nil || n > 0 {
		return errors.Join(err, fmt.Errorf("%d bytes after the last reply", n))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort()
	case *net.UDPAddr:
		return a.AddrPort()
	}
	return netip.AddrPort{}
}
