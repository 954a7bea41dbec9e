package pcapng

import (
	"bytes"
	"path"
	"strconv"
	"strings"
)

// The comments that name a process. Their text is written by programs that
// copy arguments and names into it, newlines and all: only what a comment
// begins with can be believed.
//
//	PID: 7\nCmd: /usr/bin/curl\nArgs: curl …      ptcpdump, and in comments
//	ThreadId: 8… · UserId: 0… · ParentPID: 1…     of their own
//	rustnet process=curl pid=7 ppid=1 uid=0 …     RustNet
//	PID=7 TID=8                                   etl2pcapng
func namesProcess(comment []byte) bool {
	if len(comment) < 5 {
		return false
	}
	switch comment[0] {
	case 'P':
		return hasPrefix(comment, "PID: ") || hasPrefix(comment, "PID=") || hasPrefix(comment, "ParentPID: ")
	case 'T':
		return hasPrefix(comment, "ThreadId: ")
	case 'U':
		return hasPrefix(comment, "UserId: ")
	case 'r':
		return hasPrefix(comment, "rustnet ")
	}
	return false
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// addComment adds a comment that names a process to the key of a packet.
func (m *marks) addComment(comment []byte, first bool) {
	if first {
		m.key = m.key[:0]
	}
	m.key = append(append(m.key, comment...), 0) // no comment holds NUL
}

// parseComments reads a packet's comments, each ended by NUL. The first that
// names a process counts.
func parseComments(key []byte) (Mark, bool) {
	m := Mark{PPID: -1, UID: -1}
	for comment := range bytes.SplitSeq(bytes.TrimSuffix(key, []byte{0}), []byte{0}) {
		c := string(comment)
		switch {
		case m.PID == 0 && strings.HasPrefix(c, "PID: "):
			m.ptcpdump(c)
		case m.PID == 0 && strings.HasPrefix(c, "PID="):
			m.etl(c)
		case m.PID == 0 && strings.HasPrefix(c, "rustnet "):
			m.rustnet(c)
		case m.Origin != MarkPtcpdump: // the others are ptcpdump's, and follow its first
		case m.TID == 0 && strings.HasPrefix(c, "ThreadId: "):
			m.TID = int32(max(number(c[len("ThreadId: "):], 31), 0))
		case m.UID < 0 && strings.HasPrefix(c, "UserId: "):
			m.UID = number(c[len("UserId: "):], 32)
		case m.PPID < 0 && strings.HasPrefix(c, "ParentPID: "):
			m.PPID = number(c[len("ParentPID: "):], 31)
		}
	}
	return m, m.PID > 0
}

// ptcpdump reads three lines: the PID, the executable, and the arguments,
// which go on to the end of the line.
func (m *Mark) ptcpdump(c string) {
	m.PID = int32(max(number(c[len("PID: "):], 31), 0))
	m.Origin = MarkPtcpdump
	_, rest, _ := strings.Cut(c, "\n")
	if p, ok := strings.CutPrefix(rest, "Cmd: "); ok {
		p, rest, _ = strings.Cut(p, "\n")
		m.Path, m.Name = p, base(p)
	}
	if args, ok := strings.CutPrefix(rest, "Args: "); ok {
		args, _, _ = strings.Cut(args, "\n")
		if args != "" {
			m.Args = strings.Fields(args)
		}
	}
}

// base returns the last element of a path, "" of none.
func base(p string) string {
	if p == "" {
		return ""
	}
	return path.Base(p)
}

// etl reads "PID=%d TID=%d".
func (m *Mark) etl(c string) {
	m.PID = int32(max(number(c[len("PID="):], 31), 0))
	m.Origin = MarkETL
	if _, tid, ok := strings.Cut(c, " TID="); ok {
		m.TID = int32(max(number(tid, 31), 0))
	}
}

// rustnet reads words of key=value. The name of a process may hold blanks, and
// so anything: a comment that gives a PID twice names nobody.
func (m *Mark) rustnet(c string) {
	if strings.Count(c, " pid=") != 1 {
		return
	}
	before, after, _ := strings.Cut(c, " pid=")
	m.PID = int32(max(number(after, 31), 0))
	m.Origin = MarkRustNet
	if _, name, ok := strings.Cut(before, " process="); ok {
		m.Name = strings.Trim(name, `"`)
	}
	for _, word := range strings.Fields(after) {
		if v, ok := strings.CutPrefix(word, "ppid="); ok && m.PPID < 0 {
			m.PPID = number(v, 31)
		}
		if v, ok := strings.CutPrefix(word, "uid="); ok && m.UID < 0 {
			m.UID = number(v, 32)
		}
	}
}

// number reads the decimal digits that s begins with; -1 where there are none,
// or where the number has more than so many bits.
func number(s string, size int) int64 {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(s[:n], 10, size)
	if err != nil {
		return -1
	}
	return int64(v)
}
