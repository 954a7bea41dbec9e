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

// serve listens to every network of r, prints an address a line in their
// order, and answers until stdin ends.
func serve(r role, stdin io.Reader, stdout io.Writer) error {
	l := newLedger(r.Serve, stdout)
	s := server{ledger: l}
	for _, network := range r.Network {
		if err := s.listen(network, stdout); err != nil {
			return errors.Join(err, s.close())
		}
	}
	_, err := io.Copy(io.Discard, stdin)
	return errors.Join(err, s.close(), l.close())
}

// server is one server process.
type server struct {
	ledger  *ledger
	sockets []io.Closer
	wait    sync.WaitGroup

	mu     sync.Mutex
	failed error
	ending int64 // Unix nanoseconds when close began; every socket existed until then
}

func (s *server) listen(network string, stdout io.Writer) error {
	address := "127.0.0.1:0"
	if strings.HasSuffix(network, "6") {
		address = "[::1]:0"
	}
	if strings.HasPrefix(network, "udp") {
		u, err := net.ListenPacket(network, address)
		if err != nil {
			return err
		}
		s.sockets = append(s.sockets, u)
		s.wait.Go(func() { s.fail(s.answerDatagrams(u.(*net.UDPConn))) })
		_, err = fmt.Fprintln(stdout, u.LocalAddr())
		return err
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	t, err := config.Listen(context.Background(), network, address)
	if err != nil {
		return err
	}
	s.sockets = append(s.sockets, t)
	s.wait.Go(func() { s.accept(t) })
	_, err = fmt.Fprintln(stdout, t.Addr())
	return err
}

func (s *server) accept(t net.Listener) {
	for {
		c, err := t.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.fail(err)
			}
			return
		}
		s.wait.Go(func() { s.fail(s.answer(c)) })
	}
}

// answer is one TCP connection.
func (s *server) answer(c net.Conn) error {
	defer c.Close()
	e := Entry{Protocol: "tcp", Local: addrPort(c.LocalAddr()), Remote: addrPort(c.RemoteAddr()), Begin: time.Now().UnixNano()}
	header := make([]byte, headerLength)
	for {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		n, err := io.ReadFull(c, header)
		e.Received += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		m, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(header))-headerLength)
		e.Received += m
		if err != nil {
			return err
		}
		n, err = c.Write(make([]byte, binary.BigEndian.Uint32(header[4:])))
		e.Sent += int64(n)
		if err != nil {
			return err
		}
	}
	e.End = time.Now().UnixNano()
	s.ledger.book(e)
	return nil
}

// answerDatagrams answers on one UDP socket until that is closed, and books
// each peer on its own.
func (s *server) answerDatagrams(u *net.UDPConn) error {
	begin, peers := time.Now().UnixNano(), map[netip.AddrPort]*Entry{}
	reply, b := make([]byte, maxDatagram), make([]byte, maxDatagram)
	for {
		n, peer, err := u.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			break
		}
		if err != nil || n < headerLength {
			return errors.Join(err, fmt.Errorf("a datagram of %d bytes", n))
		}
		p := peers[peer]
		if p == nil {
			p = &Entry{Protocol: "udp", Local: addrPort(u.LocalAddr()), Remote: peer, Begin: begin}
			peers[peer] = p
		}
		p.Received += int64(n)
		n, err = u.WriteToUDPAddrPort(reply[:min(binary.BigEndian.Uint32(b[4:]), maxDatagram)], peer)
		p.Sent += int64(n)
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	end := s.ending
	s.mu.Unlock()
	for _, e := range peers {
		e.End = end
		s.ledger.book(*e)
	}
	return nil
}

func (s *server) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = errors.Join(s.failed, err)
}

// close ends everything and returns what failed.
func (s *server) close() (err error) {
	s.mu.Lock()
	s.ending = time.Now().UnixNano()
	s.mu.Unlock()
	for _, c := range s.sockets {
		err = errors.Join(err, c.Close())
	}
	s.wait.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, s.failed)
}
