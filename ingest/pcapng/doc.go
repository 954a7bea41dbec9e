// Package pcapng reads and writes capture files: pcapng
// (draft-ietf-opsawg-pcapng) and, for reading, classic pcap
// (draft-ietf-opsawg-pcap) with its variants. It imports nothing of pcapwho.
//
//  1. NewReader looks at the first four bytes and picks the format. Files of
//     both formats may follow each other in one.
//  2. Reader.Next returns one Record a packet: its bytes as they stand in the
//     reader's buffer, valid until the next call, with the interface, the time
//     in Unix nanoseconds, both lengths, and the process (Mark) that the file
//     itself names. Blocks that are no packets are taken in on the way:
//     interfaces, statistics, sections, processes.
//  3. Reader.NextBlock returns every Block instead, and Block.Decode what it
//     holds (Content) with all its options.
//  4. Both return io.EOF at a clean end, and a FormatError where the file is
//     cut or malformed. The next call goes on with the next block or record
//     that can be found; Reader.Skipped tells how many bytes were passed over.
//  5. Writer appends blocks to a buffer and hands whole blocks to an
//     io.Writer. AppendBlock makes of a Content the bytes it was read from.
//
// A block is
//
//	 0               1               2               3
//	+---------------------------------------------------------------+
//	|                          Block Type                           |
//	+---------------------------------------------------------------+
//	|                      Block Total Length                       |
//	+---------------------------------------------------------------+
//	/                          Block Body                           /
//	+---------------------------------------------------------------+
//	|                      Block Total Length                       |
//	+---------------------------------------------------------------+
//
// in the byte order of its section. Packets without a time (simple packet
// blocks) have time 0.
//
// Of classic pcap are read: microseconds and nanoseconds, versions from 2.0
// with the lengths of a record in either order, record headers of 16 bytes, of
// 24 and 28 (patches of Linux's libpcap), of 20 (Nokia's), and Ixia's files.
//
// Limits: captured length at most MaxCaptured, block length at most MaxBlock,
// at most MaxInterfaces interfaces and maxMarks processes. Reading takes one
// buffer that grows to the longest block; behind damage it looks for blocks of
// at most maxResync, and at every byte once.
package pcapng
