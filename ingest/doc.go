// Package ingest opens the files of a recording: captures and connection
// logs.
//
//  1. [Open] takes capture files as one recording: pcapng and pcap, mixed,
//     standard input and pipes among them. [Capture.Read] decodes their packets
//     into batches, numbered from 1 over all files.
//     [Capture.Stream] reads large files by several goroutines, in pieces, and
//     hands on the same packets in the same order, as a [Batch] at a time.
//  2. [OpenLog] takes the connection logs; [Log.Each] hands on their events.
//     [FindLog] tells where the log of a capture lies.
//  3. What is damaged comes back as [Damage], beside what could be read: a
//     malformed block or line, a file that is cut, a log without its end. Only
//     I/O errors end the reading.
//
// The formats are those of packages pcapng and connlog, the headers are read
// by package packet:
//
//	run.pcapng ──────► pcapng.Reader ── packet.Decode ──► []packet.Packet
//	run.conns.jsonl ─► connlog.Reader ──────────────────► *connlog.Event
//
// Limits: a Capture, its Stream and a Log are each for one goroutine; a file is read in its own order, and
// several in the order given, not by time. At most maxDamage places are kept
// of one file. What is read from a pipe cannot be read again.
package ingest
