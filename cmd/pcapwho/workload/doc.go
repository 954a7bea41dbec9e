// Package workload is traffic that knows itself: processes that talk to each
// other over loopback and write down what each socket sent and received, so
// that a recording of them can be checked.
//
//  1. Run is the first process: it starts every server and every client of a
//     plan as processes of their own, each the same program with Start.Args.
//  2. Serve and Dial are what they do. A connection is a series of rounds: a
//     request, and the reply of the length that it asks for.
//  3. Every socket that ends becomes an Entry on the process's standard
//     output; Run gathers them all. ReadLedger reads them back.
//
// A request is a header and a payload of zeros; a reply is zeros:
//
//	0 length of the request, this header included (u32, big-endian)
//	4 length of the reply (u32, big-endian)
//	8 payload
//
// Limits: loopback only; a UDP round is one datagram each way.
package workload
