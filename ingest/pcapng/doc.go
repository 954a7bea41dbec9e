// Package pcapng reads and writes capture files: pcapng
// (draft-ietf-opsawg-pcapng) and, for reading, classic pcap
// (draft-ietf-opsawg-pcap). It imports nothing of pcapwho.
//
//  1. NewReader looks at the first four bytes and picks the format.
//  2. Reader.Next returns one Record a packet: its bytes as they stand in the
//     reader's buffer, valid until the next call, with the interface, the time
//     in Unix nanoseconds and both lengths. Blocks that are no packets are
//     taken in on the way: interfaces, statistics, sections.
//  3. Reader.Next returns io.EOF at a clean end, and a FormatError where the
//     file is cut or malformed; every whole record before it was delivered.
//  4. Writer appends blocks to a buffer and hands whole blocks to an
//     io.Writer.
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
// Limits: captured length at most MaxCaptured, block length at most MaxBlock,
// at most MaxInterfaces interfaces. Reading takes one buffer that grows to the
// longest block.
package pcapng
